// A run's result in figures.
import { Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { Figure } from "../overview/Figure";
import { summed } from "./row";
import { CountsBar } from "./Verdict";

export function RunSummary({ run }: { run: Schemas["Run"] }) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const { counts, total, summary } = run;
  const sums = summary && summed(summary);
  if (!counts || !total) return null;
  return (
    <Paper withBorder p="lg" component="section" aria-label={t("summary.title")}>
      <Stack gap="md">
        {summary?.description && (
          <Text size="sm" c="dimmed" dir="auto">
            {summary.description}
          </Text>
        )}
        <SimpleGrid cols={{ base: 2, md: 4 }} spacing="lg">
          <Figure name={t("summary.passed")} value={format.count(counts.passed)} />
          <Figure name={t("summary.failed")} value={format.count(counts.failed)} bad={counts.failed > 0} />
          <Figure name={t("summary.error")} value={format.count(counts.errors)} bad={counts.errors > 0} />
          <Figure name={t("summary.skipped")} value={format.count(counts.skipped)} />
          {sums && (
            <>
              <Figure
                name={t("summary.score")}
                value={sums.score === undefined ? "–" : format.number(sums.score, 3)}
                note={t("summary.checks", {
                  passed: format.count(sums.checksPassed),
                  all: format.count(sums.checks),
                })}
              />
              <Figure name={t("summary.tokens")} value={format.compact(sums.tokens)} />
              <Figure name={t("summary.money")} value={format.money(sums.micros)} />
              <Figure name={t("summary.time")} value={format.took(summary.tookMs ?? 0)} />
            </>
          )}
        </SimpleGrid>
        <CountsBar counts={counts} total={total} label={t("summary.bar")} />
        {summary && !summary.complete && <Text size="sm">{t("summary.partly")}</Text>}
      </Stack>
    </Paper>
  );
}
