// Why a document was not learned, or a web page not read, in the reader's language if there is a text for it.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type DocumentFailure = Pick<Schemas["Document"], "code" | "error" | "remedy">;

/** The reason and the remedy. In English the server's own words are used, because they say more. */
export function useFailure() {
  const { t, i18n } = useTranslation(["knowledge", "common"]);
  return ({ code, error, remedy }: DocumentFailure): { why: string; what?: string } => {
    const ours = code ? { why: t(`code.${code}`), what: t(`code.${code}What`) } : undefined;
    if (ours && (i18n.language !== "en" || !error)) return ours;
    return { why: error ?? t("documents.failed"), what: remedy ?? ours?.what };
  };
}

/**
 * Returns a function that says why a web page could not be read. In English the server's own words are used,
 * because they say more.
 */
export function usePageReason() {
  const { t, i18n } = useTranslation("knowledge");
  const words = (code: Schemas["PageReason"]): string | undefined => {
    switch (code.kind) {
      case "status":
        return t("page.status", { status: code.status });
      case "too_slow":
        return t("page.too_slow", { count: code.seconds });
      case "too_large":
        return t("page.too_large", { kilobytes: code.kilobytes });
      case "elsewhere":
        return t("page.elsewhere", { site: code.site });
      case "forbidden":
        return t("page.forbidden", { path: code.path });
      case "format":
        return t("page.format", { format: code.format });
      case "circle":
      case "gone":
      case "private":
        return t(`page.${code.kind}`);
      case "unlearned":
        return i18n.exists(`knowledge:code.${code.code}`) ? t(`code.${code.code}`) : undefined;
    }
  };
  return (text: string, code?: Schemas["PageReason"] | null): string =>
    (code && i18n.language !== "en" && words(code)) || text;
}
