// Why a case was opened, in the reader's language.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

/** A reason in the server's words, and as a code with its values. */
type CaseReasonFields = Pick<Schemas["OpenCase"], "reason" | "reason_code">;

/** Returns a function that words a reason. One of another version stays in the server's words. */
export function useCaseReason() {
  const { t } = useTranslation();
  const words = (code: Schemas["CaseReason"]): string | undefined => {
    switch (code.kind) {
      case "keyword":
        return t("reason.keyword", { word: code.keyword });
      case "pattern":
        return t("reason.pattern", { pattern: code.pattern });
      case "model":
        return t(code.unanswered ? "reason.model_unanswered" : "reason.model");
      case "prompt":
      case "undelivered":
        return t(`reason.${code.kind}`, { problem: code.problem });
      case "unsent":
        if (code.code === "window_closed") return t("reason.unsent_window");
        return t("reason.unsent", { problem: code.problem });
      case "repeats":
      case "answers_at_once":
        return t(`reason.${code.kind}`, { count: code.times });
      case "floods":
        return t("reason.floods", { count: code.texts });
      case "person_offer":
      case "budget":
      case "failure":
      case "stale":
      case "bot_paused":
      case "orphaned":
      case "unknown":
        return t(`reason.${code.kind}`);
    }
  };
  return ({ reason, reason_code }: CaseReasonFields): string => (reason_code && words(reason_code)) ?? reason;
}
