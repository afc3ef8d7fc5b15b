// The connected numbers: state, agent, and time of the last message.
import { Anchor, Badge, Button, Group, Paper, Stack, Text, Tooltip } from "@mantine/core";
import { IconDeviceMobile, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useAgentNames } from "@/parts/agentName";
import { Page } from "@/parts/Page";
import { Async, Empty } from "@/parts/States";
import { useHealthWords } from "./Health";
import { NumberState } from "./NumberState";
import { PauseNotice } from "./PauseNotice";
import { LinkNotice } from "./PhoneLink";
import { useProviders, useWords } from "./provider";
import { StopNotice } from "./StopNotice";
import { Warnings } from "./Warnings";

function AddButton() {
  const { t } = useTranslation("numbers");
  return (
    <Button
      leftSection={<IconPlus size={18} aria-hidden />}
      renderRoot={(props) => <Link to="/numbers/add" {...props} />}
    >
      {t("add")}
    </Button>
  );
}

export function NumbersPage() {
  const { t } = useTranslation("numbers");
  const query = $api.useQuery("get", "/api/v1/numbers");
  return (
    <Page title={t("title")} about={t("about")} actions={<AddButton />}>
      <Async query={query} empty={<NoNumbers />} shape="reports" rows={2}>
        {(numbers) => (
          <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
            {numbers.map((number) => (
              <Row key={number.id} number={number} />
            ))}
          </Stack>
        )}
      </Async>
    </Page>
  );
}

function NoNumbers() {
  const { t } = useTranslation("numbers");
  return (
    <Empty
      title={t("none")}
      icon={<IconDeviceMobile />}
      action={
        <Group mt="xs" justify="center">
          <AddButton />
          <Button variant="default" renderRoot={(props) => <Link to="/sandbox" {...props} />}>
            {t("sandbox")}
          </Button>
        </Group>
      }
    >
      {t("noneAbout")}
    </Empty>
  );
}

function Row({ number }: { number: Schemas["Number"] }) {
  const { t } = useTranslation("numbers");
  const format = useFormat();
  const providers = useProviders();
  const agentNamed = useAgentNames();
  const { word } = useWords({ name: number.provider });
  const health = useHealthWords();
  const provider = providers.data?.find(({ name }) => name === number.provider);
  const { slug, display, verified_name, agent, last_inbound_at, last_webhook_at } = number;
  const facts = [
    word("title", provider?.title ?? number.provider),
    last_inbound_at ? t("row.inbound", { when: format.ago(last_inbound_at) }) : t("row.silent"),
    last_webhook_at && t("row.webhook", { when: format.ago(last_webhook_at) }),
    number.health.quality && t("health.row", { quality: health.quality(number.health.quality) }),
    number.health.messaging_limit && `${t("health.limit")} ${health.limit(number.health.messaging_limit)}`,
  ];
  return (
    <Paper withBorder p="md" component="li" data-testid="number">
      <Stack gap={6}>
        <Group gap="xs">
          <Anchor
            fw={600}
            dir="auto"
            renderRoot={(props) => <Link to="/numbers/$number" params={{ number: number.id }} {...props} />}
          >
            {slug}
          </Anchor>
          {display && (
            <Text span dir="ltr">
              {display}
            </Text>
          )}
          <NumberState number={number} provider={provider} />
          {number.from === "file" && (
            <Tooltip label={t("fileAbout")} multiline maw={280}>
              <Badge variant="default" tt="none">
                {t("file")}
              </Badge>
            </Tooltip>
          )}
        </Group>
        <Text size="sm">
          {verified_name && (
            <>
              <span dir="auto">{verified_name}</span> ·{" "}
            </>
          )}
          {agent ? t("row.agent", { agent: agentNamed(agent) }) : t("row.noAgent")}
        </Text>
        <Text size="sm" c="dimmed">
          {facts.filter(Boolean).join(" · ")}
        </Text>
        <StopNotice number={number} brief />
        <LinkNotice number={number} />
        <PauseNotice number={number} brief />
        <Warnings number={number} brief />
      </Stack>
    </Paper>
  );
}
