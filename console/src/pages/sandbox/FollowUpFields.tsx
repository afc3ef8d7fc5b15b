// What the bot does when a customer stays silent: it asks once, then closes the conversation.
import { Fieldset, NumberInput, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Sentence } from "./Sentence";

type Props = {
  /** A value of the section in the header. */
  value: (key: string) => unknown;
  onChange: (key: string, next: unknown) => void;
};

/** The most minutes that the server takes. */
const bounds = { after_minutes: 23 * 60, close_minutes: 525_600 } as const;

export function FollowUpFields({ value, onChange }: Props) {
  const { t } = useTranslation("sandbox");
  const minutes = (key: keyof typeof bounds, about: string) => {
    const written = value(key);
    return (
      <NumberInput
        label={t(`setting.follow_up.${key}`)}
        description={about}
        value={typeof written === "number" && written > 0 ? written : ""}
        onChange={(next) => onChange(key, typeof next === "number" && next > 0 ? next : undefined)}
        min={0}
        max={bounds[key]}
        allowDecimal={false}
        inputWrapperOrder={["label", "input", "description", "error"]}
      />
    );
  };
  return (
    <Fieldset legend={t("field.silence")} variant="default">
      <Stack gap="md">
        {minutes("after_minutes", t("field.askAbout"))}
        <Sentence
          label={t("setting.follow_up.text")}
          value={value("text")}
          onChange={(next) => onChange("text", next)}
        />
        {minutes("close_minutes", t("field.closeAbout"))}
        <Sentence
          label={t("setting.follow_up.close_text")}
          value={value("close_text")}
          onChange={(next) => onChange("close_text", next)}
        />
      </Stack>
    </Fieldset>
  );
}
