// The end of a form in a dialog: why it was not saved, a way out, and the button that sends it.
import { Button, Group } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Failed } from "./States";

type Props = {
  /** The label of the button that sends the form. */
  yes: string;
  close: () => void;
  busy: boolean;
  error: unknown;
  disabled?: boolean;
};

export function FormEnd({ yes, close, busy, error, disabled }: Props) {
  const { t } = useTranslation();
  return (
    <>
      {!!error && <Failed error={error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={close} disabled={busy}>
          {t("action.cancel")}
        </Button>
        <Button type="submit" loading={busy} disabled={disabled}>
          {yes}
        </Button>
      </Group>
    </>
  );
}
