// Why a document was not learned, in the reader's language if there is a text for it.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type Failed = Pick<Schemas["Document"], "code" | "error" | "remedy">;

/** The reason and the remedy. In English the server's own words are used, because they say more. */
export function useFailure() {
  const { t, i18n } = useTranslation(["knowledge", "common"]);
  return ({ code, error, remedy }: Failed): { why: string; what?: string } => {
    const ours = code ? { why: t(`code.${code}`), what: t(`code.${code}What`) } : undefined;
    if (ours && (i18n.language !== "en" || !error)) return ours;
    return { why: error ?? t("documents.failed"), what: remedy ?? ours?.what };
  };
}
