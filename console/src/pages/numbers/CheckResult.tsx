// The provider's answer about the number, while the form is filled in.
import { Group, Loader, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useProblem } from "@/parts/States";
import { ProviderReport } from "./NumberCheck";
import { type Provider, useWords } from "./provider";
import type { CheckAnswer } from "./useCheck";

type Props = { provider: Provider; asked?: CheckAnswer; asking: boolean };

export function CheckResult({ provider, asked, asking }: Props) {
  const { t } = useTranslation("numbers");
  const { brand } = useWords(provider);
  const worded = useProblem();
  const title = brand(provider);
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
      {!asking && asked && (
        <ProviderReport
          said={asked.message ? { ...asked, message: worded(asked.message, asked.code) } : asked}
          title={title}
        />
      )}
    </div>
  );
}
