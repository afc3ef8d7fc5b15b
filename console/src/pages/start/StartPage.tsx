// From an empty desk to the first answer, in three steps.
import { useTranslation } from "react-i18next";
import { Page } from "@/parts/Page";

export function StartPage() {
  const { t } = useTranslation("start");
  return <Page title={t("title")}>{null}</Page>;
}
