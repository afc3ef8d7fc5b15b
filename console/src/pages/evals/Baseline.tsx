// When the accepted scores of a suite were accepted.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { When } from "@/parts/When";

export function Baseline({ baseline }: Pick<Schemas["Suite"], "baseline">) {
  const { t } = useTranslation("evals");
  if (!baseline) return null;
  return (
    <span>
      {t("baseline.accepted")} <When at={baseline.accepted_at} ago />
    </span>
  );
}
