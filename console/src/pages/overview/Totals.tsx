// Totals of the period, each with its value in the period before.
import { Paper, SimpleGrid } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { Figure } from "./Figure";
import { change, type Days, type Figures } from "./range";

type Overview = Schemas["Overview"];
type Props = { now: Overview; before: Overview | undefined; days: Days };

export function Totals({ now, before, days }: Props) {
  const { t, i18n } = useTranslation("overview");
  const format = useFormat();
  const signed = new Intl.NumberFormat(i18n.language, {
    style: "percent",
    maximumFractionDigits: 0,
    signDisplay: "exceptZero",
  });
  type Kind = { of: (overview: Overview) => number | null | undefined; say: (value: number) => string };
  const note = ({ of, say }: Kind) => {
    const [is, was] = [of(now), before && of(before)];
    if (was == null) return undefined;
    const by = change(is, was);
    const words =
      by === undefined || Math.abs(by) < 0.005
        ? t("before.plain", { was: say(was) })
        : t("before.change", { was: say(was), by: signed.format(by) });
    return <span title={t("before.about", { count: days })}>{words}</span>;
  };
  const count = (key: keyof Figures): Kind => ({ of: ({ total }) => total[key], say: format.count });
  const took = (key: "p50_ms" | "p95_ms"): Kind => ({ of: ({ total }) => total[key], say: format.took });
  const figures: [string, Kind, boolean?][] = [
    [t("total.inbound"), count("inbound")],
    [t("total.outbound"), count("outbound")],
    [t("total.share"), { of: ({ share_by_bot }) => share_by_bot, say: format.share }],
    [t("total.handOffs"), count("hand_offs")],
    [t("total.noAnswer"), count("no_answer")],
    [t("total.half"), took("p50_ms")],
    [t("total.most"), took("p95_ms")],
    [t("total.tokens"), { of: ({ total }) => total.input_tokens + total.output_tokens, say: format.compact }],
    [t("total.money"), { of: ({ total }) => total.cost_micros, say: format.money }],
    [
      t("total.trials"),
      {
        of: ({ trials }) => trials.reduce((sum, { cost_micros }) => sum + cost_micros, 0),
        say: format.money,
      },
    ],
    [t("total.failed"), count("failed_sends"), now.total.failed_sends > 0],
    [t("total.unknown"), count("unknown_sends"), now.total.unknown_sends > 0],
    [t("total.failures"), count("failures"), now.total.failures > 0],
  ];
  return (
    <Paper withBorder p="lg" component="section" aria-label={t("total.title")}>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }} spacing="lg">
        {figures.map(([name, kind, bad]) => {
          const value = kind.of(now);
          return (
            <Figure
              key={name}
              name={name}
              value={value == null ? "–" : kind.say(value)}
              note={note(kind)}
              bad={bad}
            />
          );
        })}
      </SimpleGrid>
    </Paper>
  );
}
