// One run: its progress, results and cases, next to other runs.
import { Alert, Button, Group, Menu, Paper, Stack, Text } from "@mantine/core";
import { IconDownload, IconPlayerStop } from "@tabler/icons-react";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { wordsOf } from "@/api/words";
import { useAgentNames } from "@/parts/agentName";
import { Page } from "@/parts/Page";
import { Async } from "@/parts/States";
import { useSay } from "@/parts/say";
import { When } from "@/parts/When";
import { AcceptBaseline } from "./AcceptBaseline";
import { AnsweringAgents } from "./AnsweringAgents";
import { Cases } from "./Cases";
import { RunAgain } from "./RunAgain";
import { RunComparison } from "./RunComparison";
import { RunState } from "./RunState";
import { RunSummary } from "./RunSummary";
import { isActive, isAgainstAccepted } from "./row";
import { useProgress } from "./useProgress";
import { CountsBar, CountsLine } from "./Verdict";

const route = getRouteApi("/desk/evals/$run");

export function RunPage() {
  const { t } = useTranslation("evals");
  const { run: id } = route.useParams();
  const run = $api.useQuery("get", "/api/v1/evals/runs/{id}", { params: { path: { id } } });
  return (
    <Page
      title={run.data?.suite ?? t("run.title")}
      back={{ to: "/evals", label: t("title") }}
      about={
        run.data && (
          <Group gap="xs" component="span">
            <RunState state={run.data.state} counts={run.data.counts} />
            <AnsweringAgents agents={run.data.agents} />
            <When at={run.data.created_at} />
            {run.data.wanted && <RunOptions run={run.data} wanted={run.data.wanted} />}
          </Group>
        )
      }
      actions={run.data && <Actions run={run.data} />}
      widest={1400}
    >
      <Async query={run} rows={6}>
        {(run) => <RunView run={run} />}
      </Async>
    </Page>
  );
}

/** The options of the run that differ from the defaults. */
function RunOptions({ run, wanted }: { run: Schemas["Run"]; wanted: Schemas["RunRequest"] }) {
  const { t } = useTranslation("evals");
  const agentNamed = useAgentNames();
  const { prompt, agent, first, repeat, pattern, failing } = wanted;
  const parts = [
    // Named beside it once the run has ended.
    prompt && run.agents.length === 0 ? t("wanted.prompt", { agent: agentNamed(agent ?? "") }) : "",
    first ? t("wanted.first", { count: first }) : "",
    repeat && repeat > 1 ? t("wanted.repeat", { count: repeat }) : "",
    pattern ? t("wanted.pattern", { pattern }) : "",
    failing ? t("wanted.failing") : "",
    // Said above the comparison once there is one.
    isAgainstAccepted(run) && !run.comparison ? t("runs.comparedAccepted") : "",
  ].filter(Boolean);
  return <span>{parts.join(" · ")}</span>;
}

const reports = {
  "report.html": "HTML",
  "report.md": "Markdown",
  "report.json": "JSON",
  "report.junit.xml": "JUnit",
  "report.csv": "CSV",
};

function Actions({ run }: { run: Schemas["Run"] }) {
  const { t } = useTranslation("evals");
  const say = useSay();
  const navigate = useNavigate();
  const stop = $api.useMutation("delete", "/api/v1/evals/runs/{id}", {
    onSuccess: () => reread("/api/v1/evals/runs/{id}", "/api/v1/evals/runs"),
    onError: say.failed,
  });
  const again = $api.useMutation("post", "/api/v1/evals/runs", {
    onSuccess: ({ id }) => {
      reread("/api/v1/evals/runs");
      void navigate({ to: "/evals/$run", params: { run: id } });
    },
    onError: say.failed,
  });
  if (isActive(run.state))
    return (
      <Button
        variant="default"
        leftSection={<IconPlayerStop size={16} aria-hidden />}
        loading={stop.isPending || run.state === "stopping"}
        onClick={() => stop.mutate({ params: { path: { id: run.id } } })}
      >
        {t("run.stop")}
      </Button>
    );
  return (
    <>
      <AcceptBaseline run={run} />
      <RunAgain run={run} isPending={again.isPending} start={(body) => again.mutate({ body })} />
      {!!run.summary && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />}>
              {t("run.report")}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {wordsOf(reports).map((name) => (
              <Menu.Item
                key={name}
                component="a"
                href={`/api/v1/evals/runs/${run.id}/${name}`}
                {...(name === "report.html"
                  ? { target: "_blank", rel: "noopener" }
                  : { download: `${run.id}.${name}` })}
              >
                {reports[name]}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}

function RunView({ run }: { run: Schemas["Run"] }) {
  const { t } = useTranslation("evals");
  const goesOn = isActive(run.state);
  const progress = useProgress(run.id, goesOn);
  const counts = progress?.counts ?? run.counts;
  return (
    <>
      {run.error && (
        <Alert color={run.state === "failed" ? "red" : "orange"} title={t("run.ended")}>
          <span dir="auto">{run.error}</span>
        </Alert>
      )}
      {goesOn && (
        <Paper withBorder p="md">
          <Stack gap="xs">
            <Group justify="space-between" role="status">
              {counts ? <CountsLine counts={counts} /> : <Text size="sm">{t("run.waits")}</Text>}
              {!!run.total && <Text size="sm">{t("run.total", { count: run.total })}</Text>}
            </Group>
            {counts && <CountsBar counts={counts} total={run.total ?? 0} label={t("run.progress")} />}
            {progress?.title && (
              <Text size="sm" c="dimmed" truncate dir="auto">
                {progress.title}
              </Text>
            )}
          </Stack>
        </Paper>
      )}
      {!goesOn && <RunSummary run={run} />}
      <RunComparison run={run} />
      <Cases run={run} />
    </>
  );
}
