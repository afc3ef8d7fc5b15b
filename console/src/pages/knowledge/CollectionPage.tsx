// One collection.
import { useTranslation } from "react-i18next";
import { Page } from "@/parts/Page";

export function CollectionPage() {
  const { t } = useTranslation("knowledge");
  return <Page title={t("title")}>{null}</Page>;
}
