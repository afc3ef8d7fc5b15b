// A number's fallback template: chosen among those that can stand for a message, and a warning where it cannot.
import { Select, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Obstacle, useTemplateLanguage } from "@/parts/TemplateFacts";
import { canFallBack, isSendable, type Template, templateKey } from "@/parts/template";
import { useTemplates } from "@/parts/useTemplates";
import { Finding, LevelAlert } from "./Level";
import type { Values } from "./provider";

/** The fields of a provider's form that the choice fills. */
export const fallbackFields = ["template.name", "template.language", "template.with_text"];

/** The template that these fields name; undefined: they name none. */
function chosenOf(values: Values): Pick<Template, "name" | "language"> | undefined {
  const name = values["template.name"];
  return name ? { name, language: values["template.language"] ?? "" } : undefined;
}

type Props = {
  number: string;
  values: Values;
  change: (field: string, value: string) => void;
};

export function FallbackTemplate({ number, values, change }: Props) {
  const { t } = useTranslation("templates");
  const languageOf = useTemplateLanguage();
  const { query } = useTemplates(number);
  const usable = (query.data?.templates ?? []).filter(canFallBack);
  const chosen = chosenOf(values);
  // One that cannot be chosen any more stays until another one is.
  const isKept = chosen && !usable.some((one) => templateKey(one) === templateKey(chosen));
  const all = isKept ? [chosen, ...usable] : usable;
  const choose = (key: string | null) => {
    const template = usable.find((one) => templateKey(one) === key);
    if (key && !template) return;
    change("template.name", template?.name ?? "");
    change("template.language", template?.language ?? "");
    change("template.with_text", template ? String(template.parameters.length === 1) : "");
  };
  return (
    <Stack gap={4}>
      <Select
        label={t("fallback.label")}
        description={t("fallback.about")}
        placeholder={t("fallback.none")}
        data={all.map((one) => ({
          value: templateKey(one),
          label: `${one.name} · ${languageOf(one.language)}`,
        }))}
        value={chosen ? templateKey(chosen) : null}
        onChange={choose}
        clearable
        searchable
        clearButtonProps={{ "aria-label": t("fallback.clear") }}
        nothingFoundMessage={t("fallback.nothing")}
      />
      {query.data && usable.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("fallback.nothing")}
        </Text>
      )}
    </Stack>
  );
}

/** Renders nothing while the number's fallback template can be sent, or nothing is known of it. */
export function FallbackWarning({ number }: { number: Schemas["Number"] }) {
  const { t } = useTranslation("templates");
  const chosen = chosenOf(number.fields);
  if (!chosen) return null;
  return <ChosenWarning number={number} chosen={chosen} title={t("fallback.unusable")} />;
}

type WarningProps = {
  number: Schemas["Number"];
  chosen: Pick<Template, "name" | "language">;
  title: string;
};

function ChosenWarning({ number, chosen, title }: WarningProps) {
  const { t } = useTranslation("templates");
  const { query } = useTemplates(number.id);
  if (query.data?.synced_at == null) return null;
  const found = query.data.templates.find((one) => templateKey(one) === templateKey(chosen));
  const takesText = number.fields["template.with_text"] === "true";
  const isFilled = found && canFallBack(found) && takesText === (found.parameters.length === 1);
  if (isFilled) return null;
  const why = !found ? (
    t("fallback.missing")
  ) : isSendable(found) ? (
    t("fallback.unfilled")
  ) : (
    <Obstacle template={found} />
  );
  return (
    <LevelAlert level="warning">
      <Finding
        title={title}
        detail={chosen.name}
        effect="window"
        todo={
          <>
            {why} {t("fallback.todo")}
          </>
        }
      />
    </LevelAlert>
  );
}
