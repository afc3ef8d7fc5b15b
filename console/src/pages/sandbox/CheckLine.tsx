// The draft's error and its position, or that the draft can be published.
import { Alert, Anchor, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import type { Check } from "./useCheck";

type Props = { check: Check; onGo: (line: number) => void };

export function CheckLine({ check: { check, old, error }, onGo }: Props) {
  const { t } = useTranslation("sandbox");
  const format = useFormat();
  // If the check itself fails, publishing reports the error.
  if (error && !check) return null;
  if (check && !check.ok && check.error) {
    const { line, message } = check.error;
    return (
      <Alert color="red" p="xs" icon={<IconAlertTriangle aria-hidden />} role="status">
        <Text size="sm" component="div">
          <Anchor
            component="button"
            type="button"
            inherit
            onClick={() => onGo(line)}
            title={t("check.go")}
            c="inherit"
            underline="always"
          >
            {t("check.line", { line: format.count(line) })}
          </Anchor>
          {": "}
          <span dir="auto">{message}</span>
        </Text>
      </Alert>
    );
  }
  return (
    <Group gap={6} c="dimmed" role="status" wrap="nowrap" mih={22}>
      {check && !old && <IconCheck size={14} aria-hidden />}
      <Text size="xs">
        {!check || old ? t("check.checking") : t("check.ok")}
        {check && !old && check.new_collections.length > 0 && (
          <>
            {" "}
            {t("check.newCollections", {
              count: check.new_collections.length,
              names: format.list(check.new_collections),
            })}
          </>
        )}
      </Text>
    </Group>
  );
}
