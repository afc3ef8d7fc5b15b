// Why a document was not learned, in the reader's language where we have words for it.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type Failed = Pick<Schemas["Document"], "code" | "error" | "remedy">;

/** The reason and the remedy. The server's own words are English, and say more than ours. */
export function useFailure() {
  const { t, i18n } = useTranslation(["knowledge", "common"]);
  return ({ code, error, remedy }: Failed): { why: string; what?: string } => {
    const ours = code ? { why: t(`code.${code}`), what: t(`code.${code}What`) } : undefined;
    if (ours && (i18n.language !== "en" || !error)) return ours;
    return { why: error ?? t("documents.failed"), what: remedy ?? ours?.what };
  };
}
