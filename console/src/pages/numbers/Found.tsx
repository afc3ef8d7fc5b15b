// The provider's answer about the number.
import { Alert, Group, Loader, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useProblem } from "@/parts/States";
import { type Provider, useWords } from "./provider";
import type { Asked } from "./useCheck";

type Props = { provider: Provider; asked?: Asked; asking: boolean };

export function Found({ provider, asked, asking }: Props) {
  const { t } = useTranslation("numbers");
  const { word } = useWords(provider);
  const worded = useProblem();
  const title = word("title", provider.title);
  return (
    <div aria-live="polite">
      {asking && (
        <Group gap="xs">
          <Loader size="xs" aria-hidden />
          <Text size="sm" c="dimmed">
            {t("form.asking", { provider: title })}
          </Text>
        </Group>
      )}
      {!asking && asked?.found && (
        <Alert
          color="teal"
          icon={<IconCircleCheck aria-hidden />}
          title={t("form.found", { provider: title })}
          data-testid="found"
        >
          <span dir="auto">{asked.verified_name}</span> <span dir="ltr">{asked.display}</span>
          {asked.message && (
            <Text size="xs" c="dimmed">
              <bdi>{asked.message}</bdi>
            </Text>
          )}
        </Alert>
      )}
      {!asking && !asked?.found && asked?.message && (
        <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
          {worded(asked.message, asked.code)}
        </Alert>
      )}
    </div>
  );
}
