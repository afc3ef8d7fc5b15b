// Why a customer got a reply: what happened in one sentence, what it rests on, and a way to correct it. Everything
// that the stages recorded is behind a fold.
import { Button, Stack, Text } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { AnswerForm, type Draft } from "../AnswerForm";
import { useCaseReason } from "../caseReason";
import { useCollectionsOf, usePlacedAnswer } from "../curated";
import { toMarkdown } from "../markdown";
import { plain, withoutSources } from "../whatsapp";
import { type Account, accountOf, reasonIn, usedAnswer } from "./account";
import { Details } from "./Details";
import { CuratedSource, Sources } from "./Sources";
import type { Trace } from "./trace";

type CaseReasonFields = Parameters<ReturnType<typeof useCaseReason>>[0];

/** A turn to explain. */
export type ExplainedTurn = {
  /** A word of `TrialOutcome`, as far as this page knows it. */
  outcome: string | null | undefined;
  trace: Trace | null | undefined;
  /** By default those in the trace. */
  citations?: readonly Schemas["Citation"][];
  /** Why a person was called; by default as the trace tells. */
  reason?: CaseReasonFields;
  /** What the customer got, as it was sent. */
  answer: string;
  /** Short name of the agent; without one, nothing can be corrected. */
  agent?: string;
};

type Props = ExplainedTurn & {
  /** The answer to an unanswered question is written elsewhere. */
  isInGap?: boolean;
  /** Whether a dialog over this opened or closed. */
  onDialog?: (isOpen: boolean) => void;
  children?: ReactNode;
};

export function Explanation({ isInGap, onDialog, children, ...turn }: Props) {
  const { trace, agent } = turn;
  const answer = withoutSources(turn.answer);
  const account = accountOf(turn.outcome, trace);
  const collections = useCollectionsOf(agent);
  const nearest = account === "curated" && trace ? usedAnswer(trace) : undefined;
  const placed = usePlacedAnswer(nearest?.answer, collections?.all).data;
  const reason = turn.reason?.reason_code ? turn.reason : (reasonIn(trace) ?? turn.reason);
  const citations = turn.citations ?? trace?.reply?.citations ?? [];
  // Until it is known where the given answer is, a correction would become a second one.
  const isSought = !!nearest && placed === undefined;
  return (
    <Stack gap="md">
      <AccountText account={account} count={citations.length} reason={reason} />
      {nearest && <CuratedSource nearest={nearest} placed={placed} />}
      <Sources citations={citations} trace={trace} answer={answer} />
      {children}
      {agent && account && collections && (
        <Correction
          account={account}
          question={trace?.transcribe?.question ?? ""}
          answer={answer}
          placed={placed?.answer}
          collections={
            placed ? [placed.collection] : collections.own.length > 0 ? collections.own : collections.all
          }
          isSought={isSought}
          isInGap={isInGap}
          onDialog={onDialog}
        />
      )}
      {trace && <Details trace={trace} />}
    </Stack>
  );
}

type AccountProps = { account: Account | undefined; count: number; reason: CaseReasonFields | undefined };

function AccountText({ account, count, reason }: AccountProps) {
  const { t } = useTranslation("trace");
  const reasonOf = useCaseReason();
  if (!account) return null;
  return (
    <Text component="div" data-testid="account">
      {t(`account.${account}`, { count })}
      {account === "hand_over" && reason && (
        <Text size="sm" c="dimmed">
          <bdi>{reasonOf(reason)}</bdi>
        </Text>
      )}
    </Text>
  );
}

/** Whether an answer can be corrected, or one is missing. */
const corrections: Record<Account, "correct" | "write" | "none"> = {
  answer: "correct",
  curated: "correct",
  quoted: "correct",
  stand_in: "correct",
  written: "correct",
  unsourced: "correct",
  held: "write",
  not_known: "write",
  no_answer: "write",
  hand_over: "none",
  greeting: "none",
  failure: "none",
  voice_failure: "none",
  unreadable: "none",
  silence: "none",
  opt_out: "none",
  opt_in: "none",
};

type CorrectionProps = {
  account: Account;
  /** What the customer wrote and got. */
  question: string;
  answer: string;
  /** The curated answer that was given. */
  placed: Schemas["CuratedAnswer"] | undefined;
  collections: readonly string[];
  /** The curated answer is still being looked for, or could not be. */
  isSought: boolean;
} & Pick<Props, "isInGap" | "onDialog">;

/** Writes a curated answer to the customer's question, or edits the one that was given. */
function Correction(props: CorrectionProps) {
  const { account, placed, collections, isSought, isInGap, onDialog, ...turn } = props;
  const { t } = useTranslation(["trace", "knowledge"]);
  const [editing, setEditing] = useState<Schemas["CuratedAnswer"] | Draft>();
  const isOpen = !!editing;
  useEffect(() => {
    onDialog?.(isOpen);
    return () => onDialog?.(false);
  }, [isOpen, onDialog]);
  const kind = known(corrections, account, "none");
  const question = plain(turn.question).replace(/\s+/g, " ").trim();
  if (kind === "none" || !question || collections.length === 0) return null;
  // What is being written stays.
  if (!editing && (isSought || (isInGap && kind === "write"))) return null;
  if (placed?.source)
    return (
      <Text size="sm" c="dimmed">
        {t("knowledge:answers.file", { file: placed.source })}. {t("knowledge:answers.fileAbout")}
      </Text>
    );
  const open = () => {
    const answer = kind === "correct" ? toMarkdown(turn.answer) : "";
    setEditing(placed ?? { phrasings: [question.slice(0, 500)], answer });
  };
  return (
    <div>
      <Button variant="default" size="xs" leftSection={<IconPencil size={15} aria-hidden />} onClick={open}>
        {t(`correction.${kind}`)}
      </Button>
      <Text size="xs" c="dimmed" mt={4}>
        {t(placed ? "correction.aboutGiven" : "correction.about")}
      </Text>
      <AnswerForm collections={collections} editing={editing} close={() => setEditing(undefined)} />
    </div>
  );
}
