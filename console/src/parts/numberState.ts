// What a number's state means to other pages.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";

type StateFields = Pick<Schemas["Number"], "state" | "state_code" | "state_reason">;

/** Whether a number sends. One at risk still does. */
export const sends = ({ state }: Pick<Schemas["Number"], "state">) =>
  state === "ready" || state === "at_risk";

/** Returns a function that says why a number does not send; nothing for one that does. */
export function useStopReason() {
  const { t, i18n } = useTranslation();
  const format = useFormat();
  return ({ state, state_code, state_reason }: StateFields): string | null | undefined => {
    if (sends({ state })) return;
    // A newer server may send a code that this page does not know.
    if (!state_code || !i18n.exists(`stopped.${state_code.kind}`)) return state_reason;
    switch (state_code.kind) {
      case "token_refused":
        return t("stopped.token_refused", { problem: state_code.problem });
      case "forbidden":
        return state_code.until == null
          ? t("stopped.forbidden")
          : t("stopped.forbiddenUntil", { when: format.full(state_code.until) });
      default:
        return t(`stopped.${state_code.kind}`, { slug: state_code.slug });
    }
  };
}
