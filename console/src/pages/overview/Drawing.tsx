// A chart's days as bars or lines. Its library is large, so it is loaded after the figures.
import "@mantine/charts/styles.css";
import { BarChart, LineChart } from "@mantine/charts";
import { Box, useDirection } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type ChartData, HEIGHT, useDay } from "./series";

export function Drawing({ title, days, series, kind, say, most, whole }: ChartData) {
  const { t } = useTranslation("overview");
  const { dir } = useDirection();
  const name = useDay();
  const isRtl = dir === "rtl";
  // The drawing itself runs left to right, so its texts carry their own direction.
  const turned = (words: string) => (isRtl ? `\u2067${words}\u2069` : words);
  const named = series.map((one) => ({ ...one, name: turned(one.name) }));
  const data = days.map((day) => ({
    day: day.day,
    ...Object.fromEntries(named.map(({ name, of }) => [name, of(day)])),
  }));
  // Half a tick label stands above the top line.
  const margin = { top: 8 };
  const shared = {
    h: HEIGHT,
    data,
    dataKey: "day",
    valueFormatter: (value: number) => turned(say(value)),
    withLegend: series.length > 1,
    // As high as its lines: long names stand one below the other on a phone.
    legendProps: { verticalAlign: "bottom" as const, height: undefined, itemSorter: null },
    tickLine: "none" as const,
    xAxisProps: { tickFormatter: (day: string) => turned(name(day)), reversed: isRtl, minTickGap: 24 },
    yAxisProps: {
      orientation: isRtl ? ("right" as const) : ("left" as const),
      // As wide as the widest label, with a label at every line.
      width: "auto" as const,
      interval: 0,
      tick: { fontSize: 12, fill: "currentColor" },
      tickMargin: 4,
      tickFormatter: (value: number) => turned(say(value)),
      allowDecimals: !whole,
      domain: [0, most ?? "auto"] satisfies [number, number | "auto"],
    },
    tooltipProps: {
      // The chart asks for a label even when nothing is hovered.
      labelFormatter: (day: unknown) => (typeof day === "string" && day ? turned(name(day)) : ""),
    },
  };
  return (
    <Box role="img" aria-label={t("chart.label", { title })}>
      {kind !== "lines" ? (
        <BarChart
          {...shared}
          type={kind === "bars" ? "stacked" : "default"}
          maxBarWidth={28}
          series={named}
          barProps={{ isAnimationActive: false }}
          barChartProps={{ accessibilityLayer: false, margin }}
        />
      ) : (
        <LineChart
          {...shared}
          series={named.map(({ dashes, ...one }) => ({ ...one, strokeDasharray: dashes }))}
          curveType="linear"
          connectNulls
          withDots={days.length <= 31}
          dotProps={{ r: 2.5, strokeWidth: 0 }}
          lineProps={{ isAnimationActive: false }}
          lineChartProps={{ accessibilityLayer: false, margin }}
        />
      )}
    </Box>
  );
}
