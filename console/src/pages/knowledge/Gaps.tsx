// Knowledge gaps: grouped questions that the bot could not answer. They can be answered or dismissed.
import { Badge, Group, Paper, SegmentedControl, Select, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconMoodSmile } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { usePages } from "@/api/pages";
import { wordsOf } from "@/api/words";
import { AgentSelect } from "@/parts/AgentSelect";
import { agentName } from "@/parts/agentName";
import { MoreButton } from "@/parts/MoreButton";
import { Async, Empty } from "@/parts/States";
import { When } from "@/parts/When";
import { plain } from "@/parts/whatsapp";
import { GapDrawer } from "./GapDrawer";

type Gap = Schemas["KnowledgeGap"];
type State = Schemas["GapState"];
type Order = "recent" | "often";

/** The number of open gaps; `more`: there are more than `count`. */
export function useOpenGaps() {
  const { data } = $api.useQuery("get", "/api/v1/gaps", { params: { query: { state: "open", limit: 99 } } });
  return data && data.items.length > 0 ? { count: data.items.length, more: !!data.next } : undefined;
}

const none = {
  open: ["gaps.none", "gaps.noneAbout"],
  answered: ["gaps.noneAnswered", "gaps.noneAnsweredAbout"],
  dismissed: ["gaps.noneDismissed", "gaps.noneDismissedAbout"],
} as const satisfies Record<State, unknown>;

export function Gaps() {
  const { t } = useTranslation(["knowledge", "common"]);
  const [state, setState] = useState<State>("open");
  const [agent, setAgent] = useState<string | null>(null);
  const [order, setOrder] = useState<Order>("recent");
  const navigate = useNavigate();
  // In the address, so that a conversation can link to it.
  const { gap: shown } = useSearch({ from: "/desk/knowledge" });
  const show = (gap?: string) =>
    void navigate({
      to: "/knowledge",
      search: (old) => ({ ...old, gap }),
      replace: true,
      resetScroll: false,
    });
  const agents = $api.useQuery("get", "/api/v1/agents");
  const query = usePages((cursor) =>
    $api.queryOptions("get", "/api/v1/gaps", {
      params: { query: { state, agent: agent ?? undefined, limit: 50, cursor } },
    }),
  );
  const named = new Map(agents.data?.map((one) => [one.id, agentName(one)]));
  return (
    <Stack>
      <Group gap="sm" align="flex-end">
        <SegmentedControl
          aria-label={t("gaps.filter")}
          value={state}
          onChange={setState}
          data={wordsOf(none).map((value) => ({ value, label: t(`gaps.${value}`) }))}
        />
        {named.size > 1 && (
          <AgentSelect
            aria-label={t("gaps.agent")}
            placeholder={t("gaps.allAgents")}
            agents={agents.data}
            value={agent}
            onChange={setAgent}
            clearable
            clearButtonProps={{ "aria-label": t("gaps.allAgents") }}
            w={180}
          />
        )}
        <Select
          aria-label={t("gaps.sort")}
          data={(["recent", "often"] as const).map((value) => ({ value, label: t(`gaps.${value}`) }))}
          value={order}
          onChange={(next) => setOrder(next ?? "recent")}
          allowDeselect={false}
          w={180}
        />
      </Group>
      <Async
        query={query}
        shape="boxes"
        empty={
          <Empty title={t(none[state][0])} icon={<IconMoodSmile />}>
            {t(none[state][1])}
          </Empty>
        }
      >
        {(gaps) => (
          <>
            <Stack component="ul" gap="xs" p={0} m={0} style={{ listStyle: "none" }}>
              {sorted(gaps, order).map((gap) => (
                <Row
                  key={gap.id}
                  gap={gap}
                  agent={named.size > 1 ? named.get(gap.agent_id) : undefined}
                  show={() => show(gap.id)}
                />
              ))}
            </Stack>
            <MoreButton query={query} mx="auto" />
            {order === "often" && query.hasNextPage && (
              <Text size="xs" c="dimmed" ta="center">
                {t("gaps.sorted")}
              </Text>
            )}
          </>
        )}
      </Async>
      <GapDrawer id={shown} close={() => show()} />
    </Stack>
  );
}

/** The server sorts by the last time asked. */
function sorted(gaps: Gap[], order: Order): Gap[] {
  return order === "recent" ? gaps : gaps.toSorted((a, b) => b.asked - a.asked || b.last_at - a.last_at);
}

function Row({ gap, agent, show }: { gap: Gap; agent?: string; show: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  return (
    <Paper withBorder component="li" data-testid="gap">
      <UnstyledButton
        onClick={show}
        p="sm"
        w="100%"
        style={{ borderRadius: "inherit" }}
        aria-label={t("gaps.show", { question: plain(gap.question) })}
      >
        <Group justify="space-between" wrap="nowrap" gap="sm">
          <Stack gap={2}>
            <Text fw={500} lineClamp={2}>
              <bdi>{plain(gap.question)}</bdi>
            </Text>
            <Text size="xs" c="dimmed">
              {t("gaps.asked", { count: gap.asked })} · <When at={gap.last_at} ago />
            </Text>
          </Stack>
          {agent && (
            <Badge variant="default" tt="none" style={{ flexShrink: 0 }}>
              {agent}
            </Badge>
          )}
        </Group>
      </UnstyledButton>
    </Paper>
  );
}
