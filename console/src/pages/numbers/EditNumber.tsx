// Edits the fields of a number that was added in the console. Secrets are not shown; one that is left empty is kept.
import { Button, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { Failed } from "@/parts/States";
import { useSay } from "@/parts/say";
import { CheckResult } from "./CheckResult";
import { FallbackTemplate, fallbackFields } from "./FallbackTemplate";
import { Fields } from "./Fields";
import { hasTemplates, type Provider, type Values } from "./provider";
import { useCheck } from "./useCheck";

type Props = { number: Schemas["Number"]; provider: Provider };

/** The values that can be shown: everything but secrets. */
function open({ fields }: Provider, kept: Values): Values {
  const shown = fields.filter(({ name, kind }) => kind !== "secret" && kept[name] !== undefined);
  return Object.fromEntries(shown.map(({ name }) => [name, kept[name] ?? ""]));
}

/** The fields that differ from the stored number. An empty secret is left unchanged. */
function changes(provider: Provider, kept: Values, values: Values): Values {
  const secret = new Set(provider.fields.filter(({ kind }) => kind === "secret").map(({ name }) => name));
  const changed = Object.entries(values).filter(([name, value]) =>
    secret.has(name) ? value !== "" : value !== (kept[name] ?? ""),
  );
  return Object.fromEntries(changed);
}

export function EditNumber({ number, provider }: Props) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const kept: Values = number.fields;
  const [values, setValues] = useState(() => open(provider, kept));
  const { verdicts, asked, asking } = useCheck(provider, values, number.id);
  const changing = $api.useMutation("patch", "/api/v1/numbers/{id}");
  const changed = changes(provider, kept, values);
  const change = (field: string, value: string) => setValues((all) => ({ ...all, [field]: value }));
  const save = () =>
    changing.mutate(
      { params: { path: { id: number.id } }, body: { fields: changed } },
      {
        onSuccess: (next) => {
          setValues(open(provider, next.fields));
          reread("/api/v1/numbers", "/api/v1/numbers/{id}");
          say.done(t("form.saved"));
        },
      },
    );
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Stack>
        <Fields
          provider={provider}
          values={values}
          change={change}
          verdicts={verdicts}
          kept={kept}
          parts={
            hasTemplates(provider)
              ? {
                  names: fallbackFields,
                  part: <FallbackTemplate number={number.id} values={values} change={change} />,
                }
              : undefined
          }
        />
        <CheckResult provider={provider} asked={asked} asking={asking} />
        {changing.error && <Failed error={changing.error} />}
        <Button
          type="submit"
          w="fit-content"
          loading={changing.isPending}
          disabled={Object.keys(changed).length === 0}
        >
          {t("form.saveChanges")}
        </Button>
      </Stack>
    </form>
  );
}
