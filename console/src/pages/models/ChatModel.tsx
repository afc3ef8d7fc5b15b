// The model that writes the answers: which one it is, where it comes from, and the form that chooses another.
import { Alert, Badge, Button, Group, List, Paper, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { known } from "@/api/words";
import { useRemoval } from "@/parts/useRemoval";
import { ChatForm } from "./ChatForm";
import { ofModel } from "./draft";

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
  const [isOpen, setOpen] = useState(false);
  const { answering, chosen, agents } = settings;
  const closed = !isOpen && (answering.is_model || !!chosen);
  return (
    <Stack gap="sm" component="section" aria-labelledby="chat-model">
      <Title order={2} id="chat-model">
        {t("chat.title")}
      </Title>
      <Paper withBorder p="md">
        <Stack>
          <CurrentModel settings={settings} />
          {chosen?.problem && (
            <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("broken.title")}>
              <Text size="sm">{t("broken.about")}</Text>
              <Text size="sm" c="dimmed" mt={4}>
                <bdi>{chosen.problem}</bdi>
              </Text>
            </Alert>
          )}
          {settings.unpriced && (
            <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
              <Text size="sm">{t("unpriced")}</Text>
            </Alert>
          )}
          {closed ? (
            <Group gap="xs">
              <Button variant="default" onClick={() => setOpen(true)}>
                {t("chat.change")}
              </Button>
              {chosen && <Removal />}
            </Group>
          ) : (
            <ChatForm
              key={chosen?.base_url}
              chosen={chosen ?? undefined}
              close={answering.is_model || chosen ? () => setOpen(false) : undefined}
            />
          )}
        </Stack>
      </Paper>
      {agents.length > 0 && (
        <Text size="sm" c="dimmed" component="div">
          {t("agents.about")}
          <List size="sm" mt={4}>
            {agents.map(({ slug, name, model }) => (
              <List.Item key={slug}>
                <bdi>{name}</bdi>: <bdi dir="ltr">{model}</bdi>
              </List.Item>
            ))}
          </List>
        </Text>
      )}
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
            ? t("now.sentTo", { url: answering.url })
            : t("now.sentToConfigured")
          : t("now.noneAbout")}
        {chosen?.has_key && ` ${t("now.keyKept")}`}
      </Text>
    </div>
  );
}

/** Goes back to the configuration. */
function Removal() {
  const { t } = useTranslation("models");
  const removal = useRemoval();
  const remove = $api.useMutation("delete", "/api/v1/settings/models/chat", {
    onSuccess: () => reread(...ofModel),
  });
  const ask = () =>
    removal(
      { title: t("remove.title"), text: t("remove.text"), yes: t("remove.yes") },
      () => remove.mutateAsync({}),
      t("remove.done"),
    );
  return (
    <Button variant="subtle" color="red" onClick={() => void ask()} loading={remove.isPending}>
      {t("remove.yes")}
    </Button>
  );
}
