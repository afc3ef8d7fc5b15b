// What a number's state means to other pages.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type StateFields = Pick<Schemas["Number"], "state" | "state_code" | "state_reason">;

/** Whether a number sends. One at risk still does. */
export const sends = ({ state }: Pick<Schemas["Number"], "state">) =>
  state === "ready" || state === "at_risk";

/** Returns a function that says why a number does not send; nothing for one that does. */
export function useStopReason() {
  const { t, i18n } = useTranslation();
  return ({ state, state_code, state_reason }: StateFields): string | null | undefined => {
    if (sends({ state })) return;
    // A newer server may send a code that this page does not know.
    if (!state_code || !i18n.exists(`stopped.${state_code.kind}`)) return state_reason;
    return state_code.kind === "token_refused"
      ? t("stopped.token_refused", { problem: state_code.problem })
      : t(`stopped.${state_code.kind}`, { slug: state_code.slug });
  };
}
