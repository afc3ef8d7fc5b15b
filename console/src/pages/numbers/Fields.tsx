// The form that a provider declares, each field with its help, where its value is found, and its validation result.
import { Accordion, Box, Group, PasswordInput, Stack, Switch, Text, TextInput } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { FieldLocation } from "./FieldLocation";
import { guideOf } from "./guide";
import { type Field, type Provider, proposalOf, useWords, type Values } from "./provider";
import type { Verdicts } from "./useCheck";

type Props = {
  provider: Provider;
  values: Values;
  change: (field: string, value: string) => void;
  verdicts: Verdicts;
  /** The number's stored values; secrets are masked. */
  kept?: Values;
  /** Required fields that were empty when saving. */
  missing?: string[];
  /** What this desk finds wrong, by field. */
  wrong?: Values;
  /** In the place of the fields of these names, a part of its own. */
  parts?: { names: readonly string[]; part: ReactNode };
};

export function Fields(props: Props) {
  const { t } = useTranslation("numbers");
  // The server creates this one; it is shown with the callback.
  const proposal = proposalOf(props.provider);
  const shown = props.provider.fields.filter(
    ({ name }) => name !== proposal && !props.parts?.names.includes(name),
  );
  const special = shown.filter(({ advanced }) => advanced);
  const [opened, setOpened] = useState<string | null>(null);
  // An error is not left out of sight.
  const failed = special.some(({ name }) => props.values[name] && props.verdicts[name]?.ok === false);
  return (
    <Stack>
      {shown
        .filter(({ advanced }) => !advanced)
        .map((field) => (
          <One key={field.name} field={field} {...props} />
        ))}
      {props.parts?.part}
      {special.length > 0 && (
        <Accordion variant="contained" value={failed ? "advanced" : opened} onChange={setOpened}>
          <Accordion.Item value="advanced">
            <Accordion.Control>{t("form.advanced")}</Accordion.Control>
            <Accordion.Panel>
              <Stack>
                {special.map((field) => (
                  <One key={field.name} field={field} {...props} />
                ))}
              </Stack>
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
      )}
    </Stack>
  );
}

function One({
  field,
  provider,
  values,
  change,
  verdicts,
  kept,
  missing,
  wrong: ours,
}: Props & { field: Field }) {
  const { t } = useTranslation("numbers");
  const words = useWords(provider);
  const { name, kind, required, placeholder } = field;
  const label = words.label(field);
  const value = values[name] ?? "";
  if (kind === "switch")
    return (
      <Switch
        label={label}
        description={words.help(field)}
        checked={value === "true"}
        onChange={(event) => change(name, String(event.currentTarget.checked))}
      />
    );
  const verdict = value ? verdicts[name] : undefined;
  const spot = guideOf(provider.name)?.fields[name];
  const wrong =
    verdict && !verdict.ok ? (
      <bdi>{verdict.message}</bdi>
    ) : (
      (ours?.[name] ?? (missing?.includes(name) && t("form.missing")))
    );
  const secret = kind === "secret";
  const had = secret ? kept?.[name] : undefined;
  const common = {
    label,
    description: words.help(field),
    required: required && !had,
    placeholder: had ? `${had} · ${t("form.kept")}` : (placeholder ?? undefined),
    value,
    error: wrong,
    dir: kind === "text" ? ("auto" as const) : ("ltr" as const),
    spellCheck: false,
    inputMode: kind === "digits" ? ("numeric" as const) : undefined,
    autoComplete: secret ? "new-password" : "off",
    "data-testid": `field-${name}`,
  };
  const Input = secret ? PasswordInput : TextInput;
  return (
    <Group align="flex-start" gap="lg">
      <Box flex="1 1 300px">
        <Input
          {...common}
          {...(secret && { visibilityToggleButtonProps: { "aria-label": t("form.show", { name: label }) } })}
          onChange={(event) => {
            const written = event.currentTarget.value;
            // A text may have several words; a space at its end is one that is being written.
            change(name, kind === "text" ? written.trimStart() : written.trim());
          }}
        />
        {verdict?.ok && (
          <Text size="xs" c="teal" mt={4} role="status">
            <IconCircleCheck size={14} aria-hidden style={{ verticalAlign: "-2px", marginInlineEnd: 4 }} />
            <bdi>{verdict.message || t("form.right")}</bdi>
          </Text>
        )}
      </Box>
      {spot && (
        <Box flex="0 1 340px">
          <FieldLocation spot={spot} />
        </Box>
      )}
    </Group>
  );
}
