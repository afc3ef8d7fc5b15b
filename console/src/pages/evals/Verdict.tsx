// A case's verdict as an icon and a word, never by colour alone; and the counts by verdict.
import { Badge, Box, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconHelpCircle, IconMinus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";
import { countOf, type Verdict, verdicts } from "./row";

type Look = { color: string; icon: typeof IconX };
const looks: Record<Verdict, Look> = {
  passed: { color: "teal", icon: IconCheck },
  failed: { color: "red", icon: IconX },
  error: { color: "orange", icon: IconAlertTriangle },
  skipped: { color: "gray", icon: IconMinus },
};
const lookOf = (verdict: Verdict) => known(looks, verdict, { color: "gray", icon: IconHelpCircle });

export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation("evals");
  const { color, icon: Icon } = lookOf(verdict);
  return (
    <Badge variant="light" color={color} leftSection={<Icon size={12} aria-hidden />} tt="none">
      {t(`verdict.${verdict}`)}
    </Badge>
  );
}

type Counts = Schemas["Counts"];

/** The passed count and every other count above zero, each with its icon. */
export function CountsLine({ counts }: { counts: Counts }) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const some = verdicts.filter((one) => one === "passed" || countOf(counts, one) > 0);
  return (
    <Group gap="sm" component="span">
      {some.map((verdict) => {
        const { icon: Icon } = lookOf(verdict);
        return (
          <Text key={verdict} size="sm" component="span" title={t(`ended.${verdict}`)}>
            <Icon size={14} aria-hidden style={{ verticalAlign: -2 }} />{" "}
            <span>{format.count(countOf(counts, verdict))}</span>{" "}
            <Text span size="sm" c="dimmed">
              {t(`ended.${verdict}`)}
            </Text>
          </Text>
        );
      })}
    </Group>
  );
}

const fills: Record<Verdict, string> = {
  passed: "var(--good)",
  failed: "var(--bad)",
  error: "var(--attention)",
  skipped: "var(--neutral)",
};

/** A run's progress, split by verdict. */
export function CountsBar({ counts, total, label }: { counts: Counts; total: number; label: string }) {
  const done = verdicts.reduce((sum, one) => sum + countOf(counts, one), 0);
  const all = Math.max(total, done, 1);
  return (
    <Box
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={all}
      aria-valuenow={done}
      h={8}
      bg="var(--mantine-color-default-border)"
      style={{ display: "flex", borderRadius: 4, overflow: "hidden" }}
    >
      {verdicts.map((verdict) => (
        <Box key={verdict} bg={fills[verdict]} w={`${(countOf(counts, verdict) / all) * 100}%`} />
      ))}
    </Box>
  );
}
