// Explains a reply, in a drawer beside the conversation.
import { Anchor, Drawer, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type RefObject, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { Async } from "@/parts/States";
import { Explanation } from "@/parts/trace/Explanation";
import { withoutMarks } from "@/parts/trace/excerpt";
import { When } from "@/parts/When";
import { plain } from "@/parts/whatsapp";
import { useGapOf } from "./gap";
import { type Message, turnQuery } from "./thread";

const states = {
  open: "why.gap.open",
  answered: "why.gap.answered",
  dismissed: "why.gap.dismissed",
} as const satisfies Record<Schemas["GapState"], string>;

/** The way to the knowledge gap in which the question counts; an answer that is missing is written there. */
function GapLink({ gap }: { gap: Schemas["KnowledgeGap"] }) {
  const { t } = useTranslation(["inbox", "trace"]);
  return (
    <Text size="sm">
      {t(known(states, gap.state, "why.gap.open"))}{" "}
      <Anchor
        inherit
        underline="always"
        renderRoot={(props) => <Link to="/knowledge" search={{ tab: "gaps", gap: gap.id }} {...props} />}
      >
        {t(gap.state === "answered" ? "why.gap.show" : "trace:correction.write")}
      </Anchor>
    </Text>
  );
}

/** What the customer wrote, and when. */
function QuestionLine({ turn: { trace, created_at } }: { turn: Schemas["Turn"] }) {
  const question = plain(trace?.transcribe?.question ?? "");
  return (
    <Text size="sm" c="dimmed" lineClamp={3}>
      <When at={created_at} />
      {question && (
        <>
          {" · "}
          <bdi>{question}</bdi>
        </>
      )}
    </Text>
  );
}

type TurnLoaderProps = {
  id: string;
  agent: string;
  messages: readonly Message[];
  onDialog: (isOpen: boolean) => void;
};

function TurnLoader({ id, agent, messages, onDialog }: TurnLoaderProps) {
  const query = useQuery(turnQuery(id));
  const sent = messages.filter(({ turn_id, direction }) => turn_id === id && direction === "out");
  const answer = sent.flatMap(({ text }) => text || []).join("\n\n");
  return (
    <Async query={query}>
      {(turn) => <TurnExplanation turn={turn} answer={answer} agent={agent} onDialog={onDialog} />}
    </Async>
  );
}

type TurnExplanationProps = Omit<TurnLoaderProps, "id" | "messages"> & {
  turn: Schemas["Turn"];
  /** Empty while the messages are not loaded. */
  answer: string;
};

function TurnExplanation({ turn, answer, agent, onDialog }: TurnExplanationProps) {
  const { outcome, trace, citations } = turn;
  const { data: gap, isLoading } = useGapOf(turn);
  return (
    <Stack gap="md">
      <QuestionLine turn={turn} />
      <Explanation
        outcome={outcome}
        trace={trace}
        citations={citations}
        answer={answer || withoutMarks(trace?.reply?.raw ?? "")}
        agent={agent}
        isInGap={isLoading || !!gap}
        onDialog={onDialog}
      >
        {gap && <GapLink gap={gap} />}
      </Explanation>
    </Stack>
  );
}

/** Focuses what opened the drawer; if that is gone, the same question in the thread. */
function giveBack(asker: Element | null, turn: string | undefined) {
  const isThere = asker instanceof HTMLElement && asker.isConnected && asker !== document.body;
  const again = document.querySelector<HTMLElement>(`[data-why="${CSS.escape(turn ?? "")}"]`);
  (isThere ? asker : again)?.focus({ preventScroll: true });
}

type Props = {
  turn: string | undefined;
  /** What was pressed to open it. */
  asker: RefObject<Element | null>;
  /** Short name of the agent. */
  agent: string;
  messages: readonly Message[];
  close: () => void;
};

export function WhyDrawer({ turn, asker, agent, messages, close }: Props) {
  const { t } = useTranslation("inbox");
  // Escape closes the dialog over the drawer, not the drawer.
  const [isCovered, setCovered] = useState(false);
  const last = useRef(turn);
  useEffect(() => {
    if (turn) last.current = turn;
  }, [turn]);
  return (
    <Drawer
      opened={!!turn}
      onClose={close}
      closeOnEscape={!isCovered}
      returnFocus={false}
      onExitTransitionEnd={() => giveBack(asker.current, last.current)}
      position="right"
      size="lg"
      title={t("why.title")}
    >
      {turn && <TurnLoader id={turn} agent={agent} messages={messages} onDialog={setCovered} />}
    </Drawer>
  );
}
