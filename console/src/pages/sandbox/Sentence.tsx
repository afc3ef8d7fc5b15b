// A sentence that customers get. Empty means the server's default. One written for several languages can be
// edited only in the whole file.
import { Input, Text, Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";

type Props = {
  label: string;
  /** The value in the header. */
  value: unknown;
  /** The default when the file sets none. */
  standard?: string;
  onChange: (value: string | undefined) => void;
};

export function Sentence({ label, value, standard, onChange }: Props) {
  const { t } = useTranslation("sandbox");
  if (value && typeof value === "object")
    return (
      <Input.Wrapper label={label} labelElement="div">
        <Text size="sm" c="dimmed">
          {t("field.byLanguage")}
        </Text>
      </Input.Wrapper>
    );
  const written = typeof value === "string" ? value : "";
  return (
    <Textarea
      label={label}
      value={written}
      placeholder={written ? undefined : standard}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
      autosize
      minRows={1}
      maxRows={6}
      dir="auto"
    />
  );
}
