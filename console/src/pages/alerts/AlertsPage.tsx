// What providers reported about numbers and accounts: what happened, when, to which number, and what to do.
import { Anchor, Group, Paper, Stack, Text } from "@mantine/core";
import { IconBell } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useAlertWords } from "@/parts/alertWords";
import { Page } from "@/parts/Page";
import { Async, Empty } from "@/parts/States";
import { When } from "@/parts/When";

export function AlertsPage() {
  const { t } = useTranslation("alerts");
  const query = $api.useQuery("get", "/api/v1/events", { params: { query: { alerts: true } } });
  const none = (
    <Empty title={t("none")} icon={<IconBell />}>
      {t("noneAbout")}
    </Empty>
  );
  return (
    <Page title={t("title")} about={t("about")} widest={820}>
      <Async query={query} empty={none}>
        {(events) => (
          <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
            {events.map((event) => (
              <Row key={event.id} event={event} />
            ))}
          </Stack>
        )}
      </Async>
    </Page>
  );
}

function Row({ event }: { event: Schemas["Event"] }) {
  const words = useAlertWords();
  const { title, todo } = words({ code: event.code, text: event.alert, todo: event.todo });
  const { number_id: id, number } = event;
  return (
    <Paper withBorder p="md" component="li" data-testid="alert">
      <Stack gap={4}>
        <Group justify="space-between" gap="xs">
          <Text fw={600} dir="auto">
            {title}
          </Text>
          <Text size="sm" c="dimmed" component="div">
            {id && number && (
              <>
                <Anchor
                  underline="always"
                  size="sm"
                  dir="auto"
                  renderRoot={(props) => <Link to="/numbers/$number" params={{ number: id }} {...props} />}
                >
                  {number}
                </Anchor>
                {" · "}
              </>
            )}
            <When at={event.created_at} ago />
          </Text>
        </Group>
        {event.code && event.detail && (
          <Text size="sm" c="dimmed">
            <bdi>{event.detail}</bdi>
          </Text>
        )}
        {todo && (
          <Text size="sm" dir="auto">
            {todo}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
