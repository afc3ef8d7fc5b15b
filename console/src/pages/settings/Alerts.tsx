// What providers reported about numbers and accounts: what happened, when, to which number, and what to do.
import { Anchor, Badge, Group, Paper, Stack, Text } from "@mantine/core";
import { useDocumentVisibility } from "@mantine/hooks";
import { IconBell } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useAlertWords } from "@/parts/alertWords";
import { useAlerts, useSeenAlerts } from "@/parts/newAlerts";
import { Async, Empty } from "@/parts/States";
import { When } from "@/parts/When";

export function Alerts() {
  const { t } = useTranslation("alerts");
  const query = useAlerts();
  const [seen, setSeen] = useSeenAlerts();
  // What was new when the page was opened stays marked while it is read.
  const [before] = useState(seen);
  const visibility = useDocumentVisibility();
  const newest = Math.max(0, ...(query.data?.map(({ created_at }) => created_at) ?? []));
  useEffect(() => {
    if (visibility === "visible" && newest > seen) setSeen(newest);
  }, [visibility, newest, seen, setSeen]);
  const none = (
    <Empty title={t("none")} icon={<IconBell />}>
      {t("noneAbout")}
    </Empty>
  );
  return (
    <Async query={query} empty={none} shape="reports" rows={3}>
      {(events) => (
        <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
          {events.map((event) => (
            <Row key={event.id} event={event} isNew={event.created_at > before} />
          ))}
        </Stack>
      )}
    </Async>
  );
}

function Row({ event, isNew }: { event: Schemas["Event"]; isNew: boolean }) {
  const { t } = useTranslation("alerts");
  const words = useAlertWords();
  const { title, todo } = words({ code: event.code, text: event.alert, todo: event.todo });
  const { number_id: id, number } = event;
  return (
    <Paper withBorder p="md" component="li" data-testid="alert">
      <Stack gap={4}>
        <Group justify="space-between" gap="xs">
          <Group gap="xs">
            <Text fw={600} dir="auto">
              {title}
            </Text>
            {isNew && (
              <Badge size="sm" variant="light" color="orange">
                {t("new")}
              </Badge>
            )}
          </Group>
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
