// One case: its variables, the conversation, the output and how it differs, each assertion, the traces.
import { Box, Code, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { WordDiff } from "@/parts/Diff";
import { FormattedText } from "@/parts/FormattedText";
import { TraceView } from "@/parts/trace/TraceView";
import { asTrace } from "@/parts/trace/trace";
import { plain } from "@/parts/whatsapp";
import { askedOf, asText, checkOf, outputOf } from "./row";
import { VerdictBadge } from "./Verdict";

type Row = Schemas["RowView"];
type Props = { row: Row; other?: { name: string; row: Row } };

function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <Box component="section" aria-labelledby={id}>
      <Title order={4} id={id} mb={6}>
        {title}
      </Title>
      {children}
    </Box>
  );
}

const lines = { whiteSpace: "pre-wrap" } as const;

export function CaseDetail({ row, other }: Props) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const { score, latencyMs, tokenUsage, cost, vars, gradingResult } = row;
  const why = row.error || row.skipped;
  const checks = gradingResult?.componentResults ?? [];
  const output = outputOf(row);
  const figures = [
    t("case.score", { score: format.number(score ?? 0) }),
    format.took(latencyMs ?? 0),
    ...(tokenUsage?.total ? [t("case.tokens", { count: tokenUsage.total })] : []),
    ...(cost ? [format.money(cost * 1_000_000)] : []),
  ];
  return (
    <Stack gap="lg">
      <div>
        <Title order={3} size="h2" dir="auto">
          {row.title}
        </Title>
        <Group gap="xs" mt={6}>
          <VerdictBadge verdict={row.verdict} />
          <Text size="sm" c="dimmed">
            {figures.join(" · ")}
          </Text>
        </Group>
        {why && (
          <Text size="sm" c={row.verdict === "skipped" ? "dimmed" : "red"} mt={6} dir="auto" style={lines}>
            {why}
          </Text>
        )}
      </div>
      {vars && Object.keys(vars).length > 0 && (
        <Section title={t("case.vars")}>
          <Stack gap={6} component="dl" m={0}>
            {Object.entries(vars).map(([name, value]) => (
              <div key={name}>
                <Text component="dt" size="xs" c="dimmed">
                  <bdi dir="ltr">{name}</bdi>
                </Text>
                <Text component="dd" m={0} size="sm" dir="auto" style={lines}>
                  {asText(value)}
                </Text>
              </div>
            ))}
          </Stack>
        </Section>
      )}
      <Section title={t("case.conversation")}>
        <Conversation row={row} />
      </Section>
      {other && (
        <Section title={t("case.difference", { run: other.name })}>
          <Paper withBorder p="sm">
            {outputOf(other.row) === output ? (
              <Text size="sm" c="dimmed">
                {t("case.sameOutput")}
              </Text>
            ) : (
              <WordDiff before={plain(outputOf(other.row))} after={plain(output)} />
            )}
          </Paper>
        </Section>
      )}
      <Section title={t("case.checks")}>
        {checks.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t("case.noChecks")}
          </Text>
        ) : (
          <Checks checks={checks} />
        )}
      </Section>
    </Stack>
  );
}

function Utterance({ who, text, isBot }: { who: string; text: string; isBot: boolean }) {
  return (
    <Paper
      p="sm"
      bg={isBot ? "var(--bot-soft)" : "var(--customer-soft)"}
      maw="92%"
      style={{ alignSelf: isBot ? "flex-end" : "flex-start" }}
    >
      <Text size="xs" c="dimmed">
        {who}
      </Text>
      <Text size="sm" dir="auto" style={lines}>
        <FormattedText text={text} />
      </Text>
    </Paper>
  );
}

function Conversation({ row }: { row: Row }) {
  const { t } = useTranslation("evals");
  const output = outputOf(row);
  const seen = row.response?.turns ?? [];
  const turns: Schemas["SeenTurn"][] =
    seen.length > 0 ? seen : [{ said: [askedOf(row)], bubbles: output ? [output] : [] }];
  return (
    <Stack gap="xs">
      {turns.map(({ said = [], bubbles = [], outcome, reason, trace }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: turns stay where they are.
        <Stack key={at} gap="xs">
          {said.filter(Boolean).map((text, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: messages stay where they are.
            <Utterance key={at} who={t("case.customer")} text={text} isBot={false} />
          ))}
          {bubbles.length === 0 && (
            <Text size="sm" c="dimmed" ta="end">
              {t("case.silent")}
            </Text>
          )}
          {bubbles.map((text, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: messages stay where they are.
            <Utterance key={at} who={t("case.bot")} text={text} isBot />
          ))}
          <TraceView
            outcome={outcome}
            trace={asTrace(trace)}
            reason={reason ? { reason } : undefined}
            answer={bubbles.join("\n\n")}
          />
        </Stack>
      ))}
    </Stack>
  );
}

function Checks({ checks }: { checks: Schemas["AssertionResult"][] }) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  return (
    <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {checks.map(checkOf).map((check, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: assertions stay where they are.
        <Paper key={at} component="li" withBorder p="sm">
          <Group justify="space-between" gap="xs">
            <Group gap="xs">
              <Text size="sm" fw={600} dir="ltr">
                {check.type || t("case.check")}
              </Text>
              {check.metric && (
                <Text size="xs" c="dimmed" dir="auto">
                  {check.metric}
                </Text>
              )}
            </Group>
            <Group gap="xs">
              <Text size="xs" c="dimmed">
                {format.number(check.score)}
              </Text>
              <VerdictBadge verdict={check.verdict} />
            </Group>
          </Group>
          {check.wants && (
            <Code block mt={6} tabIndex={0} role="group" aria-label={t("case.wants")} dir="auto" mah={160}>
              {check.wants}
            </Code>
          )}
          {check.reason && (check.verdict !== "passed" || check.reason !== "Assertion passed") && (
            <Text size="sm" mt={6} dir="auto" style={lines}>
              {check.reason}
            </Text>
          )}
          {check.parts.length > 0 && (
            <Box mt="xs" ps="sm">
              <Checks checks={check.parts} />
            </Box>
          )}
        </Paper>
      ))}
    </Stack>
  );
}
