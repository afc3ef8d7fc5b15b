// When a person is called.
import { useTranslation } from "react-i18next";
import { Page } from "@/parts/Page";

export function HandoffsPage() {
  const { t } = useTranslation("handoffs");
  return <Page title={t("title")}>{null}</Page>;
}
