// Warns that a provider cannot reach this desk, and says what to do.
import { Alert, Code, Stack, Text } from "@mantine/core";
import { IconWorldOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { host, reach } from "./reach";

type Props = {
  address: string;
  provider: string;
  /** Whether other steps can be done in the meantime. */
  meanwhile?: boolean;
};

export function LocalAddress({ address, provider, meanwhile }: Props) {
  const { t } = useTranslation("numbers");
  const way = reach(address);
  if (way === "public") return null;
  return (
    <Alert
      color="orange"
      icon={<IconWorldOff aria-hidden />}
      title={t("local.title", { provider, host: host(address) })}
      data-testid="local"
    >
      <Stack gap="xs">
        <Text size="sm">{t(`local.${way}`)}</Text>
        <Text size="sm">{t("local.todo")}</Text>
        <Code block dir="ltr" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {'[http]\nbase_url = "https://desk.example.com"'}
        </Code>
        {meanwhile && <Text size="sm">{t("local.meanwhile")}</Text>}
      </Stack>
    </Alert>
  );
}
