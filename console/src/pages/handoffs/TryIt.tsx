// Tests a customer's sentence on the rules while it is typed; the server applies the pipeline's own rules.
import { Badge, Code, Group, Mark, Paper, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconHeadset, IconRobot } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { Failed } from "@/parts/States";
import { marked } from "./rules";

type Props = {
  agent: string;
  /** The draft; undefined for the live version. */
  source: string | undefined;
};

export function TryIt({ agent, source }: Props) {
  const { t } = useTranslation("handoffs");
  const [text, setText] = useState("");
  const asked = { text: text.trim(), source };
  const [settled] = useDebouncedValue(asked.text, 250);
  const [draft] = useDebouncedValue(source, 250);
  const isEmpty = !asked.text || !settled;
  const verdict = $api.useQuery(
    "post",
    "/api/v1/agents/{agent}/handoff/try",
    { params: { path: { agent } }, body: { text: settled, source: draft ?? null } },
    { enabled: !isEmpty, placeholderData: keepPreviousData, retry: false },
  );
  return (
    <Stack gap="sm">
      <TextInput
        label={t("try.label")}
        description={t(source === undefined ? "try.live" : "try.draft")}
        placeholder={t("try.placeholder")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        maxLength={4096}
        dir="auto"
      />
      <div role="status" aria-live="polite">
        {isEmpty ? (
          <Text size="sm" c="dimmed">
            {t("try.empty")}
          </Text>
        ) : verdict.error ? null : (
          verdict.data && <Verdict verdict={verdict.data} text={settled} />
        )}
      </div>
      {!isEmpty && verdict.error && <Failed error={verdict.error} again={() => void verdict.refetch()} />}
    </Stack>
  );
}

function Verdict({ verdict, text }: { verdict: Schemas["HandoffVerdict"]; text: string }) {
  const { t } = useTranslation("handoffs");
  const { kind, rule, reply, rules } = verdict;
  if (!kind)
    return (
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <IconRobot size={20} aria-hidden style={{ flex: "none" }} />
        <div>
          <Text size="sm" fw={600}>
            {t("try.nothing")}
          </Text>
          <Text size="sm" c="dimmed">
            {t("try.rules", { count: rules })}
          </Text>
        </div>
      </Group>
    );
  return (
    <Stack gap="xs">
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <IconHeadset size={20} aria-hidden style={{ flex: "none" }} />
        <div>
          <Text size="sm" fw={600}>
            {t("try.called")}
          </Text>
          <Group gap="xs" mt={4}>
            <Badge variant="light" color="orange" tt="none">
              {t(`try.${kind}`)}
            </Badge>
            <Code dir={kind === "pattern" ? "ltr" : "auto"}>{rule}</Code>
          </Group>
        </div>
      </Group>
      {kind === "keyword" && rule && (
        <Text size="sm" dir="auto">
          {marked(text, rule).map(({ text, hit }, at) =>
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one sentence.
            hit ? <Mark key={at}>{text}</Mark> : <span key={at}>{text}</span>,
          )}
        </Text>
      )}
      {reply && (
        <div>
          <Text size="xs" c="dimmed">
            {t("try.reply")}
          </Text>
          <Paper bg="var(--mantine-color-default-hover)" p="sm" mt={4}>
            <Text size="sm" dir="auto" style={{ whiteSpace: "pre-wrap" }}>
              {reply}
            </Text>
          </Paper>
        </div>
      )}
    </Stack>
  );
}
