// Asks the provider about a number now: whether it knows it, takes its keys, and how customers rate it.
import { Alert, Button, Stack } from "@mantine/core";
import { IconCircleCheck, IconPlugConnectedX, IconRefresh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { Failed } from "@/parts/States";
import { type Quality, qualityOf } from "./findings";
import { guideOf } from "./guide";
import { Finding, LevelAlert } from "./Level";
import { type Provider, useWords } from "./provider";

type CheckedNumber = Pick<Schemas["ProviderChecked"], "found" | "message" | "display" | "verified_name">;

export function NumberCheck({ number, provider }: { number: Schemas["Number"]; provider: Provider }) {
  const { t } = useTranslation("numbers");
  const title = useWords(provider).brand(provider);
  const check = $api.useMutation("post", "/api/v1/providers/{name}/check");
  const ask = () =>
    check.mutate({ params: { path: { name: provider.name } }, body: { fields: {}, number: number.id } });
  return (
    <Stack gap="sm" align="flex-start" aria-live="polite" data-testid="check">
      <Button
        size="xs"
        variant="default"
        leftSection={<IconRefresh size={16} aria-hidden />}
        loading={check.isPending}
        onClick={ask}
      >
        {t("check.ask", { provider: title })}
      </Button>
      {check.error && <Failed error={check.error} />}
      {check.data && !check.isPending && (
        <Stack gap="xs" w="100%">
          <RefusedFields provider={provider} fields={check.data.fields} />
          <ProviderReport said={check.data} title={title} />
        </Stack>
      )}
    </Stack>
  );
}

function RefusedFields({
  provider,
  fields,
}: {
  provider: Provider;
  fields: Schemas["ProviderChecked"]["fields"];
}) {
  const words = useWords(provider);
  const wrong = provider.fields.filter(({ name }) => fields[name]?.ok === false);
  if (wrong.length === 0) return null;
  return (
    <LevelAlert level="error">
      {wrong.map((field) => (
        <Finding
          key={field.name}
          title={words.label(field)}
          effect="silent"
          todo={fields[field.name]?.message}
          site={guideOf(provider.name)?.fields[field.name]?.site}
        />
      ))}
    </LevelAlert>
  );
}

/** What a provider says of a number that it knows. */
export function ProviderReport({ said, title }: { said: CheckedNumber; title: string }) {
  const { t } = useTranslation("numbers");
  if (!said.found)
    return said.message ? (
      <Alert
        color="orange"
        icon={<IconPlugConnectedX aria-hidden />}
        title={t("check.unasked", { provider: title })}
      >
        <bdi>{said.message}</bdi>
      </Alert>
    ) : null;
  const rated = qualityOf(said.message);
  const quality = rated?.quality;
  return (
    <Stack gap="xs">
      <Alert
        color="teal"
        icon={<IconCircleCheck aria-hidden />}
        title={t("form.found", { provider: title })}
        data-testid="found"
      >
        <bdi>{said.verified_name ?? t("check.nameless")}</bdi> <span dir="ltr">{said.display}</span>
        {(quality === "good" || quality === "unrated") && <div>{t(`quality.${quality}`)}</div>}
        {/* What is not a rating is shown as the provider says it. */}
        {!rated && said.message && <bdi>{` ${said.message}`}</bdi>}
      </Alert>
      {rated && quality && <Rating quality={quality} word={rated.word} />}
    </Stack>
  );
}

function Rating({ quality, word }: { quality: Quality; word: string }) {
  const { t } = useTranslation("numbers");
  if (quality === "good" || quality === "unrated") return null;
  const known = quality !== "other";
  return (
    <LevelAlert level={known ? "warning" : "info"}>
      <Finding
        title={t(`quality.${quality}`)}
        detail={known ? undefined : word}
        effect={known ? "pending" : undefined}
        todo={known ? t("quality.todo") : undefined}
        site="phoneNumbers"
      />
    </LevelAlert>
  );
}
