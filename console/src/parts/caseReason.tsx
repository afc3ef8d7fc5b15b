// Why a case was opened. The server writes the reason in English; the known forms are translated.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

export type CaseReason =
  | { kind: Schemas["HandoffRuleKind"]; rule: string }
  | { kind: "prompt"; problem: string }
  | { kind: "unsent"; problem: string }
  | { kind: "repeats" | "floods" | "answersAtOnce"; count: number }
  | { kind: "budget" | "failure" | "stale" | "person_offer" | "model" | "model_unanswered" }
  | { kind: "unsentWindow" | "unknown" }
  | { kind: "other" };

/** What the loop guard says (src/domain/loop_guard.rs). */
const machines = [
  ["repeats", /^the same text came (\d+) times in a row/u],
  ["floods", /^(\d+) messages came within a minute/u],
  ["answersAtOnce", /^our replies were answered at once (\d+) times/u],
] as const;

/** How the reasons without values begin; the first that fits counts. */
const plain = [
  ["budget", "the day's money for models is used up"],
  ["failure", "the bot failed"],
  ["stale", "a message arrived too late"],
  ["unknown", "it is not known whether this message of ours reached the customer"],
  ["person_offer", "the customer accepted the offer of a person"],
  ["model_unanswered", "the bot called a person: the documents do not answer"],
  ["model", "the bot called a person"],
] as const;

/** Parses a reason that the server writes (src/domain/turn.rs, src/store/inbox/batch.rs). */
export function readReason(reason: string): CaseReason {
  const word = /^the customer said “(.*)”$/su.exec(reason)?.[1];
  if (word !== undefined) return { kind: "keyword", rule: word };
  const pattern = /^the message matched the pattern `(.*)`$/su.exec(reason)?.[1];
  if (pattern !== undefined) return { kind: "pattern", rule: pattern };
  const problem = /^the bot's prompt cannot be used: (.*)$/su.exec(reason)?.[1];
  if (problem !== undefined) return { kind: "prompt", problem };
  const unsent = /^a message could not be sent: (.*)$/su.exec(reason)?.[1];
  if (unsent?.startsWith("the 24-hour window is closed")) return { kind: "unsentWindow" };
  if (unsent !== undefined) return { kind: "unsent", problem: unsent };
  for (const [kind, form] of machines) {
    const count = form.exec(reason)?.[1];
    if (count !== undefined) return { kind, count: Number(count) };
  }
  const known = plain.find(([, start]) => reason.startsWith(start));
  return { kind: known?.[0] ?? "other" };
}

/** Returns a function that words a reason. */
export function useCaseReason() {
  const { t } = useTranslation();
  return (reason: string): string => {
    const read = readReason(reason);
    if (read.kind === "keyword") return t("reason.keyword", { word: read.rule });
    if (read.kind === "pattern") return t("reason.pattern", { pattern: read.rule });
    if (read.kind === "unsent") return t("reason.unsent", { problem: read.problem });
    if ("count" in read) return t(`reason.${read.kind}`, { count: read.count });
    if (read.kind === "prompt") return t("reason.prompt", { problem: read.problem });
    return read.kind === "other" ? reason : t(`reason.${read.kind}`);
  };
}
