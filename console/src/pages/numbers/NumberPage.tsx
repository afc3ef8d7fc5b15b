// One number.
import { useTranslation } from "react-i18next";
import { Page } from "@/parts/Page";

export function NumberPage() {
  const { t } = useTranslation("numbers");
  return <Page title={t("title")}>{null}</Page>;
}
