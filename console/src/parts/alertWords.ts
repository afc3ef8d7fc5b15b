// An alert of a provider in the reader's language.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type AlertText = {
  code?: Schemas["AlertCode"] | null;
  /** The server's English text, for an alert that this page does not know. */
  text?: string | null;
  todo?: string | null;
};

/** What happened, and what to do about it. */
export function useAlertWords() {
  const { t, i18n } = useTranslation("alerts");
  return ({ code, text, todo }: AlertText) =>
    code && i18n.exists(`alerts:code.${code}.title`)
      ? { title: t(`code.${code}.title`), todo: t(`code.${code}.todo`) }
      : { title: text ?? "", todo: todo ?? "" };
}
