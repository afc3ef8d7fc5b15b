// Suites and runs.
import { useTranslation } from "react-i18next";
import { Page } from "@/parts/Page";

export function EvalsPage() {
  const { t } = useTranslation("evals");
  return <Page title={t("title")}>{null}</Page>;
}
