// The suites: what each one tests, and its number of cases.
import { Alert, Badge, Button, Code, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import {
  IconAlertTriangle,
  IconChecklist,
  IconFlask,
  IconListCheck,
  IconPlayerPlay,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { Empty } from "@/parts/States";
import { Baseline } from "./Baseline";
import { SuiteAgent } from "./SuiteAgent";

type Suite = Schemas["Suite"];

const example = `description: The basics
providers: [frontdesk:shop]
prompts: ["{{question}}"]
tests:
  - description: says when it opens
    vars: { question: "When do you open?" }
    assert: [{ type: icontains, value: nine }]`;

export function NoSuites({ add }: { add?: ReactNode }) {
  const { t } = useTranslation("evals");
  return (
    <Empty
      icon={<IconChecklist />}
      title={t("suites.none")}
      action={
        <Group gap="xs" mt="xs" justify="center">
          {add}
          <Button
            renderRoot={(props) => <Link to="/sandbox" {...props} />}
            variant="default"
            leftSection={<IconFlask size={16} aria-hidden />}
          >
            {t("suites.sandbox")}
          </Button>
        </Group>
      }
    >
      <Stack gap="xs">
        <Text size="sm">{t("suites.noneAbout")}</Text>
        <Code block dir="ltr" ta="start" tabIndex={0} role="group" aria-label={t("suites.example")}>
          {example}
        </Code>
      </Stack>
    </Empty>
  );
}

/** Says whether suites that are started here may run programs and scripts. */
export function CodeNote() {
  const { t } = useTranslation("evals");
  const status = $api.useQuery("get", "/api/v1/status", {}, { staleTime: 60_000, retry: false });
  if (!status.data) return null;
  if (!status.data.evals_run_code)
    return (
      <Text size="sm" c="dimmed">
        {t("suites.noCode")}
      </Text>
    );
  return (
    <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
      {t("suites.code")}
    </Alert>
  );
}

export function Suites({ suites, onRun }: { suites: Suite[]; onRun: (name: string) => void }) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {suites.map((suite) => (
        <One key={suite.name} suite={suite} onRun={() => onRun(suite.name)} />
      ))}
    </SimpleGrid>
  );
}

function One({ suite, onRun }: { suite: Suite; onRun: () => void }) {
  const { t } = useTranslation("evals");
  const { name, title, cases, agent, saved, baseline } = suite;
  const hasTitle = title !== name;
  return (
    <Paper withBorder p="md" component="li">
      <Stack gap={6} h="100%">
        <Title order={3}>
          <bdi>{title}</bdi>
        </Title>
        {hasTitle && (
          <Text size="xs" c="dimmed">
            <bdi dir="ltr">{name}</bdi>
          </Text>
        )}
        <Group gap="xs">
          {cases != null && <Text size="sm">{t("suites.cases", { count: cases })}</Text>}
          {agent && (
            <Text size="sm" c="dimmed">
              <SuiteAgent agent={agent} />
            </Text>
          )}
          {saved && (
            <Badge variant="light" color="gray" tt="none">
              {t("suites.saved")}
            </Badge>
          )}
        </Group>
        {baseline && (
          <Text size="sm" c="dimmed">
            <Baseline baseline={baseline} />
          </Text>
        )}
        <Group mt="auto" pt="xs" gap="xs">
          <Button
            renderRoot={(props) => <Link to="/evals/suites/$" params={{ _splat: name }} {...props} />}
            size="xs"
            variant="default"
            leftSection={<IconListCheck size={14} aria-hidden />}
            aria-label={t("suites.casesWhat", { name: title })}
          >
            {t("cases.title")}
          </Button>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlayerPlay size={14} aria-hidden />}
            onClick={onRun}
            aria-label={t("suites.runWhat", { name: title })}
          >
            {t("suites.run")}
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}
