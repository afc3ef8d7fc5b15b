// The first step: ask the bot a question and see its answer.
import { Alert, Anchor, Button, Group, Loader, Paper, Stack, Text, TextInput } from "@mantine/core";
import { IconFileText, IconPlayerStop, IconSend } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { AgentSelect } from "@/parts/AgentSelect";
import { useCaseReason } from "@/parts/caseReason";
import { FormattedText } from "@/parts/FormattedText";
import { toWhatsApp } from "@/parts/markdown";
import { Failed } from "@/parts/States";
import { useSampleQuestions } from "@/parts/sampleQuestions";
import { nowAsked } from "./progress";
import { type Answer, useAnswer } from "./useAnswer";

const demo = ["ask.demo.hours", "ask.demo.rent", "ask.demo.return", "ask.demo.person"] as const;

type Props = {
  agents: Schemas["Agent"][];
  /** Short name of the agent to ask first. */
  first?: string;
  whenAsked: () => void;
};

export function AskStep({ agents, first, whenAsked }: Props) {
  const { t } = useTranslation("start");
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<string>();
  const is = (name?: string) => agents.some(({ slug }) => slug === name);
  const agent = [chosen, first].find(is) ?? agents[0]?.slug ?? "";
  const { isDemo, own } = useSampleQuestions(agent);
  const samples = isDemo ? demo.map((key) => t(key)) : own;
  const { answer, busy, ask, stop } = useAnswer(() => {
    nowAsked();
    whenAsked();
  });
  const say = (question: string) => {
    if (question.trim()) void ask(agent, question.trim());
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) say(text);
  };
  return (
    <Stack gap="sm">
      {agents.length > 1 && (
        <AgentSelect
          label={t("ask.agent")}
          agents={agents}
          value={agent}
          onChange={(next) => setChosen(next ?? agent)}
          allowDeselect={false}
          maw={320}
        />
      )}
      <form onSubmit={submit}>
        <Group gap="xs" align="flex-end">
          <TextInput
            label={t("ask.field")}
            placeholder={t("ask.placeholder")}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            maxLength={4096}
            dir="auto"
            flex="1 1 220px"
          />
          {busy ? (
            <Button
              variant="default"
              leftSection={<IconPlayerStop size={16} aria-hidden />}
              onClick={stop}
              type="button"
            >
              {t("ask.stop")}
            </Button>
          ) : (
            <Button
              type="submit"
              disabled={!text.trim()}
              leftSection={<IconSend size={16} className="flip" aria-hidden />}
            >
              {t("ask.send")}
            </Button>
          )}
        </Group>
      </form>
      {samples.length > 0 && (
        <Group gap={6} role="group" aria-label={t("ask.samples")}>
          {samples.map((sample) => (
            <Button
              key={sample}
              size="compact-sm"
              variant="default"
              fw={400}
              // A phone breaks a long question instead of cutting it.
              h="auto"
              mih={26}
              styles={{ label: { whiteSpace: "normal", lineHeight: 1.4 } }}
              disabled={busy}
              onClick={() => {
                setText(sample);
                say(sample);
              }}
            >
              <span dir="auto">{sample}</span>
            </Button>
          ))}
        </Group>
      )}
      {answer && <AnswerView answer={answer} busy={busy} agent={agent} />}
    </Stack>
  );
}

function AnswerView({ answer, busy, agent }: { answer: Answer; busy: boolean; agent: string }) {
  const { t } = useTranslation("start");
  const reasonOf = useCaseReason();
  const { outcome } = answer;
  const { reason, reason_code } = outcome ?? {};
  const bubbles = outcome ? outcome.bubbles : [toWhatsApp(answer.text)].filter(Boolean);
  const titles = [...new Set(outcome?.citations.map(({ title }) => title))];
  return (
    <Stack gap="xs" aria-live="polite" aria-busy={busy} role="region" aria-label={t("ask.answer")}>
      {busy && bubbles.length === 0 && (
        <Group gap="xs">
          <Loader size="xs" type="dots" />
          <Text size="sm" c="dimmed">
            {t("ask.thinking")}
          </Text>
        </Group>
      )}
      {bubbles.map((bubble, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bubbles stay where they are.
        <Paper key={at} bg="var(--bot-soft)" p="sm" maw={620}>
          <Text dir="auto" style={{ whiteSpace: "pre-wrap" }}>
            <FormattedText text={bubble} />
          </Text>
        </Paper>
      ))}
      {!!answer.error && <Failed error={answer.error} />}
      {answer.cut && <Alert color="orange">{t("ask.cut")}</Alert>}
      {outcome && (
        <Group gap="xs" justify="space-between">
          <Stack gap={2}>
            <Text size="sm" c="dimmed">
              {t(`ask.outcome.${outcome.outcome}`)}
              {reason && <span dir="auto"> ({reasonOf({ reason, reason_code })})</span>}
            </Text>
            {titles.length > 0 && (
              <Group gap={6} component="p" m={0}>
                <IconFileText size={16} aria-hidden />
                <Text size="sm" component="span">
                  {t("ask.restsOn")}
                </Text>
                {titles.map((title) => (
                  <Text key={title} size="sm" fw={500} component="span" dir="auto">
                    {title}
                  </Text>
                ))}
              </Group>
            )}
          </Stack>
          <Anchor
            renderRoot={(props) => <Link to="/sandbox" search={{ agent, ask: answer.asked }} {...props} />}
            size="sm"
          >
            {t("ask.sandbox")}
          </Anchor>
        </Group>
      )}
    </Stack>
  );
}
