// A collection's settings: how documents are cut and passages ranked.
import { Alert, Button, Fieldset, Group, NumberInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { Async, Failed } from "@/parts/States";
import { useSay } from "@/parts/say";

type CollectionSettings = Schemas["CollectionSettings"];

export function Settings({ collection }: { collection: string }) {
  const query = $api.useQuery("get", "/api/v1/collections/{name}/settings", {
    params: { path: { name: collection } },
  });
  return (
    <Async query={query} shape="form">
      {(known) => <Form collection={collection} known={known} />}
    </Async>
  );
}

/** A number field that can be empty. */
type Field = number | string;
const given = (value: Field) => (value === "" ? undefined : Number(value));

function Form({ collection, known }: { collection: string; known: CollectionSettings }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const say = useSay();
  const setting = $api.useMutation("put", "/api/v1/collections/{name}/settings");
  const { chunk, search } = known;
  const form = useForm<Record<"max" | "overlap" | "join" | "dense" | "ngram", Field>>({
    initialValues: {
      max: chunk?.max_tokens ?? "",
      overlap: chunk?.overlap_tokens ?? "",
      join: chunk?.join_below_tokens ?? "",
      dense: search?.dense ?? "",
      ngram: search?.ngram ?? "",
    },
  });
  const fixed = known.from === "file";
  const save = form.onSubmit(({ max, overlap, join, dense, ngram }) => {
    const cut = { max_tokens: given(max), overlap_tokens: given(overlap), join_below_tokens: given(join) };
    const body = {
      chunk: Object.values(cut).some((value) => value !== undefined) ? cut : null,
      search: { dense: given(dense) ?? null, ngram: given(ngram) ?? null },
    };
    setting.mutate(
      { params: { path: { name: collection } }, body },
      {
        onSuccess: () => {
          reread("/api/v1/collections/{name}/settings");
          form.resetDirty();
          say.done(t("settings.saved"));
        },
      },
    );
  });
  const common = { placeholder: t("settings.usual"), disabled: fixed, style: { flex: "1 1 200px" } };
  return (
    <form onSubmit={save} noValidate>
      <Stack maw={720}>
        <Text size="sm" c="dimmed">
          {t("settings.about")}
        </Text>
        {fixed && <Alert>{t("settings.file")}</Alert>}
        <Fieldset legend={t("settings.cutting")}>
          <Text size="sm" c="dimmed" mb="sm">
            {t("settings.cuttingAbout")}
          </Text>
          <Group align="flex-end">
            <NumberInput
              label={t("settings.max")}
              min={32}
              allowDecimal={false}
              {...common}
              {...form.getInputProps("max")}
            />
            <NumberInput
              label={t("settings.overlap")}
              min={0}
              allowDecimal={false}
              {...common}
              {...form.getInputProps("overlap")}
            />
            <NumberInput
              label={t("settings.join")}
              min={0}
              allowDecimal={false}
              {...common}
              {...form.getInputProps("join")}
            />
          </Group>
        </Fieldset>
        <Fieldset legend={t("settings.ranking")}>
          <Text size="sm" c="dimmed" mb="sm">
            {t("settings.rankingAbout")} {t("settings.zeroOne")}
          </Text>
          <Group align="flex-end">
            <NumberInput
              label={t("settings.dense")}
              min={0}
              max={1}
              step={0.05}
              {...common}
              {...form.getInputProps("dense")}
            />
            <NumberInput
              label={t("settings.ngram")}
              min={0}
              max={1}
              step={0.05}
              {...common}
              {...form.getInputProps("ngram")}
            />
          </Group>
        </Fieldset>
        {setting.error && <Failed error={setting.error} />}
        {!fixed && (
          <Button type="submit" w="fit-content" loading={setting.isPending} disabled={!form.isDirty()}>
            {t("common:action.save")}
          </Button>
        )}
      </Stack>
    </form>
  );
}
