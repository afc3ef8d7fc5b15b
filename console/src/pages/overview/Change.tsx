// How a figure has changed, in words and with an arrow; and its value in the period before.
import { Group, Text } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconEqual } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import type { Days } from "./range";
import { type Trend, trendOf, type Unit } from "./trend";

const arrows = { up: IconArrowUp, down: IconArrowDown, same: IconEqual };
const colours = { better: "var(--good)", worse: "var(--bad)" };

/** Returns a function that words a change. */
function useChange() {
  const { t } = useTranslation("overview");
  const format = useFormat();
  return ({ way, by, verdict }: Trend, unit: Unit): string => {
    if (way === "same") return t("change.same");
    // Fast and slow judge by themselves.
    if (unit === "time") return t(way === "up" ? "change.slower" : "change.faster", { by: format.share(by) });
    const change =
      unit === "share"
        ? t(way === "up" ? "change.pointsUp" : "change.pointsDown", { count: by })
        : t(`change.${way}`, { by: format.share(by) });
    return verdict ? t(`change.${verdict}`, { change }) : change;
  };
}

type Props = {
  now: number | null | undefined;
  /** Undefined while it loads. */
  before: number | null | undefined;
  unit?: Unit;
  better?: "up" | "down";
  say: (value: number) => string;
  days: Days;
};

export function Change({ now, before, unit = "amount", better, say, days }: Props) {
  const { t } = useTranslation("overview");
  const worded = useChange();
  const trend = trendOf(now, before, unit, better);
  const Arrow = trend && arrows[trend.way];
  return (
    <>
      {trend && Arrow && (
        <Group
          component="span"
          gap={4}
          wrap="nowrap"
          align="flex-start"
          fw={600}
          c={trend.verdict && colours[trend.verdict]}
        >
          <Arrow size={14} stroke={2.4} aria-hidden style={{ flex: "none", marginBlockStart: 1 }} />
          <span>{worded(trend, unit)}</span>
        </Group>
      )}
      {before != null && (
        <Text span inherit display="block" title={t("before.about", { count: days })}>
          {t("before.plain", { was: say(before) })}
        </Text>
      )}
    </>
  );
}
