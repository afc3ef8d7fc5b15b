// A chart of days as bars or lines, or as a table. Lines also differ in their dashes, never by colour alone.
import "@mantine/charts/styles.css";
import { BarChart, LineChart } from "@mantine/charts";
import { Box, Group, Paper, ScrollArea, Table, Text, Title, useDirection } from "@mantine/core";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { type Day, noon } from "./range";

export type Series = {
  name: string;
  of: (day: Day) => number | null;
  /** Theme colours with enough contrast on white and on black. */
  color: "blue.6" | "orange.8" | "gray.6";
  dashes?: string;
};

type Props = {
  title: string;
  days: Day[];
  series: Series[];
  /** `beside`: bars of things that do not add up to a sum. */
  kind: "bars" | "beside" | "lines";
  /** Formats a value. */
  say: (value: number) => string;
  asTable: boolean;
  /** The highest possible value. */
  most?: number;
  /** Whether the axis shows whole numbers only. */
  whole?: boolean;
  children?: ReactNode;
};

function useDay() {
  const { i18n } = useTranslation();
  const format = new Intl.DateTimeFormat(i18n.language, { day: "numeric", month: "short", timeZone: "UTC" });
  return (day: string) => format.format(noon(day));
}

export function Chart({ title, children, asTable, ...rest }: Props) {
  const id = useId();
  return (
    <Paper withBorder p="md" component="section" aria-labelledby={id}>
      <Title order={2} id={id} mb="sm">
        {title}
      </Title>
      {asTable ? <AsTable title={title} {...rest} /> : <Drawn title={title} {...rest} />}
      {children}
    </Paper>
  );
}

type Shown = Omit<Props, "children" | "asTable">;

function Drawn({ title, days, series, kind, say, most, whole }: Shown) {
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
    h: 200,
    data,
    dataKey: "day",
    valueFormatter: (value: number) => turned(say(value)),
    withLegend: series.length > 1,
    legendProps: { verticalAlign: "bottom" as const, height: 32, itemSorter: null },
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

function AsTable({ title, days, series, say }: Shown) {
  const { t } = useTranslation("overview");
  const name = useDay();
  return (
    <ScrollArea.Autosize
      mah={260}
      type="auto"
      offsetScrollbars="y"
      viewportProps={{ tabIndex: 0, role: "group", "aria-label": title }}
    >
      <Table stickyHeader striped="even" verticalSpacing={4}>
        <Table.Caption style={{ display: "none" }}>{title}</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{t("chart.day")}</Table.Th>
            {series.map(({ name }) => (
              <Table.Th key={name} scope="col" ta="end">
                {name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {days.toReversed().map((day) => (
            <Table.Tr key={day.day}>
              <Table.Th scope="row" fw={400}>
                {name(day.day)}
              </Table.Th>
              {series.map(({ name, of }) => {
                const value = of(day);
                return (
                  <Table.Td key={name} ta="end" style={{ fontVariantNumeric: "tabular-nums" }}>
                    {value == null ? "–" : say(value)}
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea.Autosize>
  );
}

type RankedProps = {
  rows: { name: string; count: number }[];
  say: (n: number) => string;
};

/** Names with their counts, most frequent first; a bar is the share of all. Rows of one name are one. */
export function Ranked({ rows, say }: RankedProps) {
  const counts = new Map<string, number>();
  for (const { name, count } of rows) counts.set(name, (counts.get(name) ?? 0) + count);
  const ranked = [...counts].sort(([, a], [, b]) => b - a);
  const all = Math.max(
    1,
    rows.reduce((sum, { count }) => sum + count, 0),
  );
  return (
    <Box component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {ranked.map(([name, count]) => (
        <Box component="li" key={name} mb="xs">
          <Group justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
            <Text size="sm" dir="auto">
              {name}
            </Text>
            <Text size="sm" fw={600} style={{ flex: "none" }}>
              {say(count)}
            </Text>
          </Group>
          <Box
            h={6}
            mt={4}
            bg="blue.6"
            w={`${(count / all) * 100}%`}
            aria-hidden
            style={{ borderRadius: "var(--mantine-radius-xs)" }}
          />
        </Box>
      ))}
    </Box>
  );
}
