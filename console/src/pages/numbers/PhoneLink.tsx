// How a number that is linked to a phone stands to WhatsApp, since when and why, with what can be done about it.
import { Alert, Button, Checkbox, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconCircleCheck, IconLogout, IconRefresh } from "@tabler/icons-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";
import { When } from "@/parts/When";
import { ConnectButton } from "./ConnectButton";
import { isOfLink } from "./findings";
import { Finding, LevelAlert } from "./Level";
import { isPairing, linkLevel } from "./link";
import { useLinkWords } from "./linkWords";

type Number = Schemas["Number"];
type Connection = Schemas["NumberConnection"];

/** Renders nothing for a number whose provider links no phones. */
export function PhoneLink({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  if (!number.connection) return null;
  return (
    <Paper withBorder p="lg" component="section" aria-labelledby="link" data-testid="link">
      <Title order={2} id="link" mb="sm">
        {t("link.title")}
      </Title>
      <LinkControls number={number} connection={number.connection} />
    </Paper>
  );
}

/** The state, and the buttons that change it. */
export function LinkControls({ number, connection }: { number: Number; connection: Connection }) {
  const { t } = useTranslation("numbers");
  const { state } = connection;
  return (
    <Stack gap="md">
      <LinkState connection={connection} />
      {connection.since && (
        <Text size="sm" c="dimmed">
          {t("link.since")} <When at={connection.since} ago />
        </Text>
      )}
      <Group gap="xs">
        <ConnectButton number={number} />
        {(state === "ready" || state === "offline" || isPairing(connection)) && (
          <RestartButton number={number} />
        )}
        {state && state !== "stopped" && <LogoutButton number={number} />}
      </Group>
    </Stack>
  );
}

function LinkState({ connection }: { connection: Connection }) {
  const { t } = useTranslation("numbers");
  const { why, todo } = useLinkWords()(connection);
  const { state } = connection;
  const level = linkLevel(connection);
  const name = state ? t(`link.state.${state}`, { defaultValue: state }) : t("link.state.unknown");
  if (!level)
    return (
      <Alert color="teal" icon={<IconCircleCheck aria-hidden />} title={name} data-level="good">
        <Text size="sm">{t("link.effect.ready")}</Text>
      </Alert>
    );
  return (
    <LevelAlert level={level} title={name}>
      <Finding
        title={why || t(state ? "effect.silent" : "link.effect.unknown")}
        effect={why && level === "error" ? "silent" : undefined}
        todo={todo}
      />
    </LevelAlert>
  );
}

function RestartButton({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const restarting = $api.useMutation("post", "/api/v1/numbers/{id}/restart");
  const restart = () =>
    restarting.mutate(
      { params: { path: { id: number.id } } },
      {
        onSuccess: () => {
          reread("/api/v1/numbers", "/api/v1/numbers/{id}");
          say.done(t("link.restarted"));
        },
        onError: say.failed,
      },
    );
  return (
    <Button
      variant="default"
      leftSection={<IconRefresh size={18} aria-hidden />}
      loading={restarting.isPending}
      onClick={restart}
    >
      {t("link.restart")}
    </Button>
  );
}

function LogoutButton({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const confirm = useConfirm();
  const leaving = $api.useMutation("post", "/api/v1/numbers/{id}/logout");
  const isDeleted = useRef(false);
  const name = number.slug;
  const leave = async () => {
    isDeleted.current = false;
    const text = (
      <Stack gap="sm">
        {t("link.logoutText")}
        <Checkbox
          label={t("link.delete")}
          onChange={(event) => {
            isDeleted.current = event.currentTarget.checked;
          }}
        />
      </Stack>
    );
    const sure = await confirm({
      title: t("link.logoutTitle", { name }),
      text,
      yes: t("link.logout"),
      danger: true,
    });
    if (!sure) return;
    leaving.mutate(
      { params: { path: { id: number.id } }, body: { delete: isDeleted.current } },
      {
        onSuccess: () => {
          reread("/api/v1/numbers", "/api/v1/numbers/{id}");
          say.done(t("link.loggedOut", { name }));
        },
        onError: say.failed,
      },
    );
  };
  return (
    <Button
      variant="light"
      color="red"
      leftSection={<IconLogout size={18} className="flip" aria-hidden />}
      loading={leaving.isPending}
      onClick={() => void leave()}
    >
      {t("link.logout")}
    </Button>
  );
}

/** In the list of numbers: that a number is not linked, unless a warning of it says so. */
export function LinkNotice({ number: { connection, warnings } }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const words = useLinkWords();
  const level = connection && linkLevel(connection);
  if (!connection?.state || !level || connection.state === "connecting" || warnings.some(isOfLink))
    return null;
  return (
    <LevelAlert level={level} title={t("link.title")}>
      <Finding title={words(connection).why || t(`link.state.${connection.state}`)} />
    </LevelAlert>
  );
}
