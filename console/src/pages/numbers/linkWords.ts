// Why a number is not linked to its phone, in the reader's language.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type LinkText = Pick<Schemas["NumberConnection"], "reason" | "why" | "todo">;

/** Returns a function that says why, and what to do about it. */
export function useLinkWords() {
  const { t, i18n } = useTranslation("numbers");
  return ({ reason, why, todo }: LinkText) =>
    // A newer server may send a reason that this page does not know.
    reason && i18n.exists(`numbers:link.reason.${reason}.why`)
      ? { why: t(`link.reason.${reason}.why`), todo: t(`link.reason.${reason}.todo`) }
      : { why: why ?? "", todo: todo ?? "" };
}
