// What happened in a turn: one of a closed set of accounts, from its outcome and its trace.
import type { Schemas } from "@/api/client";
import { wordsOf } from "@/api/words";
import type { Trace } from "./trace";

type Outcome = Schemas["TrialOutcome"];

/** An outcome, or how an answer came about, or why there was none. */
export type Account =
  | Outcome
  /** A curated answer. */
  | "curated"
  /** Sentences of the documents, without a model. */
  | "quoted"
  /** The same, because the model failed. */
  | "stand_in"
  /** A model's answer that cites passages. */
  | "written"
  /** A model's answer that cites none. */
  | "unsourced"
  /** The model's answer was held back: the passages do not support it. */
  | "held"
  /** The model found no answer in the passages. */
  | "not_known";

const answered = (trace: Trace | undefined): Account => {
  if (!trace) return "answer";
  if (usedAnswer(trace)) return "curated";
  const { reply, prompt } = trace;
  if (!reply) return "answer";
  if (reply.stand_in) return "stand_in";
  // A prompt without a budget is one for a model that only quotes.
  if (prompt?.budget === 0) return "quoted";
  return reply.citations.length > 0 ? "written" : "unsourced";
};

const unanswered = (trace: Trace | undefined): Account => {
  const { reply, prompt } = trace ?? {};
  if (!reply?.raw || prompt?.budget === 0) return "no_answer";
  return reply.checked?.verdicts.some(({ supported }) => !supported) ? "held" : "not_known";
};

const accounts: Record<Outcome, (trace: Trace | undefined) => Account> = {
  answer: answered,
  no_answer: unanswered,
  greeting: () => "greeting",
  failure: () => "failure",
  voice_failure: () => "voice_failure",
  unreadable: () => "unreadable",
  hand_over: () => "hand_over",
  silence: () => "silence",
  opt_out: () => "opt_out",
  opt_in: () => "opt_in",
};

/** What happened; undefined for an outcome that this page does not know. */
export function accountOf(
  outcome: string | null | undefined,
  trace: Trace | null | undefined,
): Account | undefined {
  const known = wordsOf(accounts).find((word) => word === outcome);
  return known && accounts[known](trace ?? undefined);
}

/** The curated answer that was given. */
export function usedAnswer(trace: Trace): Schemas["NearestAnswer"] | undefined {
  const { curated, retrieve } = trace;
  return (!retrieve && !curated?.refused && curated?.nearest) || undefined;
}

/** Why a person was called, as far as the trace tells. */
export function reasonIn(
  trace: Trace | null | undefined,
): { reason: string; reason_code?: Schemas["TurnReason"] | null } | undefined {
  const { escalate, reply } = trace ?? {};
  if (escalate?.matched) return { reason: escalate.matched, reason_code: escalate.matched_code };
  if (reply?.calls_person) return { reason: "", reason_code: { kind: "model", unanswered: false } };
  if (reply?.budget) return { reason: reply.budget, reason_code: { kind: "budget" } };
  return undefined;
}
