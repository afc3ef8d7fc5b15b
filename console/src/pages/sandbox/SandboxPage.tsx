// The prompt author's desk.
import { useTranslation } from "react-i18next";
import { Page } from "@/parts/Page";

export function SandboxPage() {
  const { t } = useTranslation("sandbox");
  return <Page title={t("title")}>{null}</Page>;
}
