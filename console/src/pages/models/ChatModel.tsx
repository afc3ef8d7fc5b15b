// The model that writes the answers: which one it is, where it comes from, and how to choose another.
import { Alert, Badge, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { ModelChoice } from "./ModelChoice";

type Settings = Schemas["ModelSettings"];

const origins = {
  configured: "now.configured",
  console: "now.console",
  environment: "now.environment",
  machine: "now.machine",
  not_found: "now.notFound",
  gone: "now.gone",
} as const satisfies Record<Schemas["ModelOrigin"], string>;

export function ChatModel({ settings }: { settings: Settings }) {
  const { t } = useTranslation("models");
  return (
    <Stack gap="sm" component="section" aria-labelledby="chat-model">
      <Title order={2} id="chat-model">
        {t("chat.title")}
      </Title>
      <Paper withBorder p="md">
        <Stack>
          {settings.unpriced && (
            <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
              <Text size="sm">{t("unpriced")}</Text>
            </Alert>
          )}
          <ModelChoice
            scope={{ role: "chat" }}
            settings={settings}
            isMissing={!settings.answering.is_model && !settings.chosen}
          >
            <CurrentModel settings={settings} />
          </ModelChoice>
        </Stack>
      </Paper>
    </Stack>
  );
}

function CurrentModel({ settings: { answering, chosen } }: { settings: Settings }) {
  const { t } = useTranslation("models");
  return (
    <div data-testid="answering">
      <Group gap="xs">
        <Text fw={600}>
          <bdi>{answering.is_model ? answering.name : t("now.none")}</bdi>
        </Text>
        <Badge variant="light" tt="none" color={answering.is_model ? "teal" : "gray"}>
          {t(known(origins, answering.origin, "now.configured"))}
        </Badge>
      </Group>
      <Text size="sm" c="dimmed" mt={4}>
        {answering.is_model
          ? answering.url
            ? t("sentTo.chat", { url: answering.url })
            : t("now.sentToConfigured")
          : t("now.noneAbout")}
        {chosen?.has_key && ` ${t("now.keyKept")}`}
      </Text>
    </div>
  );
}
