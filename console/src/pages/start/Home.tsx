// The home page of a desk in use: who waits, and today's figures.
import { Anchor, Group, Paper, SimpleGrid, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { useCaseReason } from "@/parts/caseReason";
import { customerName } from "@/parts/customer";
import { Async } from "@/parts/States";
import { When } from "@/parts/When";
import { plain } from "@/parts/whatsapp";
import { Figure } from "../overview/Figure";
import { zone } from "../overview/range";

function WaitingCustomers({ waiting }: { waiting: Schemas["Conversation"][] }) {
  const { t } = useTranslation("start");
  const reasonOf = useCaseReason();
  if (waiting.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t("home.waitingNone")}
      </Text>
    );
  return (
    <Stack gap={0} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {waiting.map(({ id, last_text, waiting_text, last_message_at, open_case, ...customer }, at) => (
        <li
          key={id}
          style={at ? { borderBlockStart: "1px solid var(--mantine-color-default-border)" } : undefined}
        >
          <UnstyledButton
            renderRoot={(props) => <Link to="/inbox/$id" params={{ id }} {...props} />}
            display="block"
            w="100%"
            py="xs"
          >
            <Group justify="space-between" wrap="nowrap" gap="sm">
              <Text size="sm" fw={600} truncate>
                <bdi>{customerName(customer, t("home.unnamed"))}</bdi>
              </Text>
              <Text size="xs" c="dimmed" style={{ flex: "none" }}>
                <When at={last_message_at} ago />
              </Text>
            </Group>
            <Text size="sm" truncate>
              <bdi>{plain(waiting_text ?? last_text ?? "") || t("home.noText")}</bdi>
            </Text>
            {open_case && (
              <Text size="xs" c="dimmed" truncate>
                <bdi>{reasonOf(open_case)}</bdi>
              </Text>
            )}
          </UnstyledButton>
        </li>
      ))}
    </Stack>
  );
}

export function Home() {
  const { t } = useTranslation("start");
  const format = useFormat();
  const from = useMemo(() => new Date().setHours(0, 0, 0, 0), []);
  const waiting = $api.useQuery("get", "/api/v1/conversations", {
    params: { query: { state: "waiting", limit: 5 } },
  });
  const today = $api.useQuery("get", "/api/v1/overview", { params: { query: { from, zone: zone() } } });
  const conversation = useCallback(() => reread("/api/v1/conversations", "/api/v1/overview"), []);
  useLive({ conversation });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
      <Paper withBorder p="lg" component="section" aria-labelledby="waiting">
        <Group justify="space-between" mb="xs">
          <Title order={2} id="waiting">
            {t("home.waiting")}
          </Title>
          <Anchor component={Link} to="/inbox" size="sm">
            {t("home.all")}
          </Anchor>
        </Group>
        <Async query={waiting} rows={2}>
          {({ items }) => <WaitingCustomers waiting={items} />}
        </Async>
      </Paper>
      <Paper withBorder p="lg" component="section" aria-labelledby="today">
        <Group justify="space-between" mb="md">
          <Title order={2} id="today">
            {t("home.today")}
          </Title>
          <Anchor component={Link} to="/overview" size="sm">
            {t("home.overview")}
          </Anchor>
        </Group>
        <Async query={today} shape="figures" rows={4}>
          {({ total, share_by_bot }) => (
            <SimpleGrid cols={2} spacing="md">
              <Figure name={t("home.inbound")} value={format.count(total.inbound)} />
              <Figure
                name={t("home.share")}
                value={share_by_bot == null ? "–" : format.share(share_by_bot)}
              />
              <Figure name={t("home.handOffs")} value={format.count(total.hand_offs)} />
              <Figure
                name={t("home.response")}
                value={total.p50_ms == null ? "–" : format.took(total.p50_ms)}
              />
              {total.failed_sends > 0 && (
                <Figure name={t("home.failed")} value={format.count(total.failed_sends)} bad />
              )}
              {total.unknown_sends > 0 && (
                <Figure name={t("home.unknown")} value={format.count(total.unknown_sends)} bad />
              )}
            </SimpleGrid>
          )}
        </Async>
      </Paper>
    </SimpleGrid>
  );
}
