// Why a person was called. The server says it in English words around the rule; those it has are said in the reader's language.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

export type CaseReason =
  | { kind: Schemas["HandoffRuleKind"]; rule: string }
  | { kind: "prompt"; problem: string }
  | { kind: "budget" }
  | { kind: "other" };

/** What sort of reason it is, as the server's `Reason` writes it (src/domain/turn.rs). */
export function readReason(reason: string): CaseReason {
  const word = /^the customer said “(.*)”$/su.exec(reason)?.[1];
  if (word !== undefined) return { kind: "keyword", rule: word };
  const pattern = /^the message matched the pattern `(.*)`$/su.exec(reason)?.[1];
  if (pattern !== undefined) return { kind: "pattern", rule: pattern };
  const problem = /^the bot's prompt cannot be used: (.*)$/su.exec(reason)?.[1];
  if (problem !== undefined) return { kind: "prompt", problem };
  return reason.startsWith("the day's money for models is used up") ? { kind: "budget" } : { kind: "other" };
}

/** Words for a reason. */
export function useCaseReason() {
  const { t } = useTranslation();
  return (reason: string): string => {
    const read = readReason(reason);
    if (read.kind === "keyword") return t("reason.keyword", { word: read.rule });
    if (read.kind === "pattern") return t("reason.pattern", { pattern: read.rule });
    if (read.kind === "prompt") return t("reason.prompt", { problem: read.problem });
    return read.kind === "budget" ? t("reason.budget") : reason;
  };
}
