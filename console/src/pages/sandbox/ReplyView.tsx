// One side's reply: its bubbles, its outcome, its trace, and saving it as a test case.
import { Badge, Box, Button, Group, Stack, Text } from "@mantine/core";
import { IconHeadset, IconMoodSilence, IconRefresh } from "@tabler/icons-react";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { useCaseReason } from "@/parts/caseReason";
import { WordDiff } from "@/parts/Diff";
import { FormattedText } from "@/parts/FormattedText";
import { toWhatsApp } from "@/parts/markdown";
import { Failed } from "@/parts/States";
import { TraceView } from "@/parts/trace/TraceView";
import { plain } from "@/parts/whatsapp";
import { again, type Position } from "./asking";
import classes from "./Sandbox.module.css";
import { SaveCase } from "./SaveCase";
import type { Outcome, Reply } from "./turn";

/** The other side's text, and whether it comes before or after this one. */
export type OtherReply = { text: string; show: "before" | "after" };

type Props = { at: Position; reply: Reply; named: boolean; other?: OtherReply };

const colours: Record<Exclude<Outcome["outcome"], "answer" | "greeting">, string> = {
  hand_over: "orange",
  no_answer: "orange",
  failure: "red",
  voice_failure: "red",
  unreadable: "orange",
  silence: "gray",
  opt_out: "gray",
  opt_in: "gray",
};

/** The key of the sentence about an outcome. A known reason for silence has its own. */
function whyOf({ outcome, owner, opted_out }: Outcome) {
  if (outcome === "answer" || outcome === "greeting") return;
  if (outcome === "voice_failure" || outcome === "unreadable") return;
  if (outcome !== "silence") return outcome;
  if (opted_out) return "silence_opted_out";
  return owner === "person" ? "silence_person" : "silence";
}

/** The kind of reply, unless it is a plain answer or greeting. */
function Kind({ outcome }: { outcome: Outcome }) {
  const { t } = useTranslation("sandbox");
  const reasonOf = useCaseReason();
  const { outcome: kind, reason, reason_code } = outcome;
  if (kind === "answer" || kind === "greeting") return null;
  const why = whyOf(outcome);
  return (
    <Group gap={8} wrap="nowrap" align="flex-start">
      <Badge
        variant="light"
        color={colours[kind]}
        leftSection={
          kind === "hand_over" ? (
            <IconHeadset size={12} aria-hidden />
          ) : kind === "silence" ? (
            <IconMoodSilence size={12} aria-hidden />
          ) : undefined
        }
        style={{ flex: "none" }}
        tt="none"
      >
        {t(`outcome.${kind}`)}
      </Badge>
      {why && (
        <Text size="xs" c="dimmed" mt={2}>
          {t(`outcome.why.${why}`)}{" "}
          {why === kind && reason && <bdi>({reasonOf({ reason, reason_code })})</bdi>}
        </Text>
      )}
    </Group>
  );
}

function Bubbles({ reply, other }: { reply: Reply; other?: OtherReply }) {
  const { t } = useTranslation("sandbox");
  if (reply.state === "writing")
    return (
      <Box className={classes.bot} dir="auto" data-state="writing">
        <Text size="sm" component="span" className={classes.writing}>
          {reply.text ? (
            <FormattedText text={toWhatsApp(reply.text)} />
          ) : (
            <span aria-hidden>{t("conversation.writing")}</span>
          )}
        </Text>
      </Box>
    );
  const shown = reply.outcome?.bubbles ?? (reply.text ? [reply.text] : []);
  if (other && shown.length > 0)
    return (
      <Box className={classes.bot} dir="auto">
        {other.show === "before" ? (
          <WordDiff before={plain(shown.join("\n\n"))} after={plain(other.text)} show="before" />
        ) : (
          <WordDiff before={plain(other.text)} after={plain(shown.join("\n\n"))} show="after" />
        )}
      </Box>
    );
  return shown.map((bubble, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a reply does not change.
    <Box key={index} className={classes.bot} dir="auto" fz="sm">
      <FormattedText text={bubble} />
    </Box>
  ));
}

export const ReplyView = memo(function ReplyView({ at, reply, named, other }: Props) {
  const { t } = useTranslation("sandbox");
  const { state, error, outcome, side } = reply;
  const retry = () => again(at);
  return (
    <Stack gap={6} className={classes.reply} align="flex-start">
      {named && (
        <Text size="xs" c="dimmed" fw={500} dir="auto">
          {side.name}
        </Text>
      )}
      {outcome && <Kind outcome={outcome} />}
      <Bubbles reply={reply} other={other} />
      {state === "failed" && (
        <Box w="100%">
          <Failed error={error} again={retry} />
        </Box>
      )}
      {state === "stopped" && (
        <Group gap="xs">
          <Text size="xs" c="dimmed">
            {t("conversation.stopped")}
          </Text>
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconRefresh size={14} aria-hidden />}
            onClick={retry}
          >
            {t("conversation.again")}
          </Button>
        </Group>
      )}
      {/* Without the first stage the message did not reach the pipeline. */}
      {outcome?.trace.transcribe && (
        <Box w="100%" pos="relative">
          <Box pe={reply.saved ? 0 : 32}>
            <TraceView
              outcome={outcome.outcome}
              trace={outcome.trace}
              citations={outcome.citations}
              reason={
                outcome.reason ? { reason: outcome.reason, reason_code: outcome.reason_code } : undefined
              }
              answer={outcome.bubbles.join("\n\n")}
              agent={at.agent}
            />
          </Box>
          <SaveCase at={at} reply={reply} />
        </Box>
      )}
    </Stack>
  );
});
