// Filters cases by verdict.
import { Chip, Group } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import type { CaseFilter } from "./filter";
import { countOf, verdicts } from "./row";

type Props = {
  only: CaseFilter;
  counts: Schemas["Counts"] | null | undefined;
  onChange: (verdict: string | undefined) => void;
};

export function VerdictFilter({ only, counts, onChange }: Props) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const value = only === "changed" ? "changed" : (only ?? "all");
  return (
    <Chip.Group value={value} onChange={(next) => onChange(next === "all" ? undefined : next)}>
      <Group gap={6} role="group" aria-label={t("cases.filter")}>
        <Chip value="all" size="xs" variant="outline">
          {t("cases.all")}
        </Chip>
        {verdicts.map((verdict) => (
          <Chip key={verdict} value={verdict} size="xs" variant="outline">
            {t(`ended.${verdict}`)}
            {counts && ` ${format.count(countOf(counts, verdict))}`}
          </Chip>
        ))}
      </Group>
    </Chip.Group>
  );
}
