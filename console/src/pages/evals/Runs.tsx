// Runs, newest first.
import { Anchor, Group, Paper, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { MoreButton } from "@/parts/MoreButton";
import { Empty, Failed, Loading } from "@/parts/States";
import { When } from "@/parts/When";
import { AnsweringAgents } from "./AnsweringAgents";
import { RunState } from "./RunState";
import { isActive, isAgainstAccepted } from "./row";
import { useRuns } from "./useRuns";
import { CountsBar, CountsLine } from "./Verdict";

export function Runs({ suite }: { suite: string | undefined }) {
  const { t } = useTranslation("evals");
  const query = useRuns();
  const runs = query.data;
  if (!runs)
    return query.error ? (
      <Failed error={query.error} again={() => void query.refetch()} />
    ) : (
      <Loading shape="boxes" />
    );
  const shown = runs.filter((run) => !suite || run.suite === suite);
  if (shown.length === 0 && !query.hasNextPage)
    return <Empty title={t("runs.none")}>{t("runs.noneAbout")}</Empty>;
  return (
    <Stack gap="xs">
      <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {shown.map((run) => (
          <One key={run.id} run={run} />
        ))}
      </Stack>
      <MoreButton query={query} />
    </Stack>
  );
}

function One({ run }: { run: Schemas["Run"] }) {
  const { t } = useTranslation("evals");
  const { id, suite, state, counts, total, created_at, error, comparison } = run;
  return (
    <Paper withBorder px="md" py="sm" component="li">
      <Group justify="space-between" gap="xs">
        <Group gap="sm">
          <Anchor
            renderRoot={(props) => <Link to="/evals/$run" params={{ run: id }} {...props} />}
            fw={600}
            size="sm"
            dir="auto"
          >
            {suite}
          </Anchor>
          <RunState state={state} counts={counts} />
          <AnsweringAgents agents={run.agents} />
          <Text size="sm" c="dimmed">
            <When at={created_at} ago />
          </Text>
          {!!comparison && (
            <Text size="sm" c="dimmed">
              {t(isAgainstAccepted(run) ? "runs.comparedAccepted" : "runs.compared")}
            </Text>
          )}
        </Group>
        {counts && <CountsLine counts={counts} />}
      </Group>
      {isActive(state) && counts && (
        <Stack mt="xs" gap={0}>
          <CountsBar counts={counts} total={total ?? 0} label={t("run.progress")} />
        </Stack>
      )}
      {error && (
        <Text size="sm" c="red" mt={4} dir="auto">
          {error}
        </Text>
      )}
    </Paper>
  );
}
