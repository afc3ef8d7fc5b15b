// The suites: what each one tests, and its number of cases.
import { Alert, Badge, Button, Code, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconChecklist, IconFlask, IconPlayerPlay } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useAgentNames } from "@/parts/agentName";
import { Empty } from "@/parts/States";

type Suite = Schemas["Suite"];

const example = `description: The basics
providers: [frontdesk:shop]
prompts: ["{{question}}"]
tests:
  - description: says when it opens
    vars: { question: "When do you open?" }
    assert: [{ type: icontains, value: nine }]`;

export function NoSuites() {
  const { t } = useTranslation("evals");
  return (
    <Empty
      icon={<IconChecklist />}
      title={t("suites.none")}
      action={
        <Button
          renderRoot={(props) => <Link to="/sandbox" {...props} />}
          leftSection={<IconFlask size={16} aria-hidden />}
          mt="xs"
        >
          {t("suites.sandbox")}
        </Button>
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
  const agentNamed = useAgentNames();
  const { name, title, cases, agent, saved } = suite;
  const hasTitle = title !== name;
  return (
    <Paper withBorder p="md" component="li">
      <Stack gap={6} h="100%">
        <Title order={3} dir="auto">
          {title}
        </Title>
        {hasTitle && (
          <Text size="xs" c="dimmed" dir="ltr" ta="start">
            {name}
          </Text>
        )}
        <Group gap="xs">
          {cases != null && <Text size="sm">{t("suites.cases", { count: cases })}</Text>}
          {agent && (
            <Text size="sm" c="dimmed">
              {t("suites.asks")} <bdi>{agentNamed(agent)}</bdi>
            </Text>
          )}
          {saved && (
            <Badge variant="light" color="gray" tt="none">
              {t("suites.saved")}
            </Badge>
          )}
        </Group>
        <Group mt="auto" pt="xs">
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
