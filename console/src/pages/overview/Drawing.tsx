// A chart's days as bars or lines. Bars and texts are laid out by the browser, so that they follow the reading
// direction and the width; a chart library would take more to load than the rest of the page.
import { Box, Group, Paper, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./Drawing.module.css";
import { namedDays, points, ticks } from "./scale";
import { type ChartData, HEIGHT, type Series, useDay } from "./series";

export function Drawing({ title, days, series, kind, say, most, whole }: ChartData) {
  const { t } = useTranslation("overview");
  const name = useDay();
  const [over, setOver] = useState<number>();
  const values = series.map(({ of }) => days.map(of));
  const sums = days.map((_, at) => {
    const ofDay = values.map((one) => one[at] ?? 0);
    return kind === "bars" ? ofDay.reduce((sum, value) => sum + value, 0) : Math.max(...ofDay);
  });
  const scale = ticks(most ?? Math.max(0, ...sums), whole);
  const top = scale.at(-1) || 1;
  const part = (value: number | null | undefined) => `${((value ?? 0) / top) * 100}%`;
  const shown = over === undefined ? undefined : days[over];
  return (
    <Box role="img" aria-label={t("chart.label", { title })} className={classes.chart} h={HEIGHT}>
      <div className={classes.scale}>
        {scale.map((value) => (
          <span key={value}>{say(value)}</span>
        ))}
      </div>
      <div className={classes.plot} onPointerLeave={() => setOver(undefined)}>
        {scale.map((value) => (
          <div key={value} className={classes.line} style={{ insetBlockEnd: part(value) }} />
        ))}
        <div className={classes.days}>
          {days.map(({ day }, at) => (
            <div
              key={day}
              className={classes.day}
              data-kind={kind}
              data-over={over === at || undefined}
              onPointerEnter={() => setOver(at)}
            >
              {kind !== "lines" &&
                series.map(({ name, color }, one) => (
                  <div
                    key={name}
                    data-bar
                    style={{ blockSize: part(values[one]?.[at]), background: color }}
                  />
                ))}
            </div>
          ))}
        </div>
        {kind === "lines" && (
          <svg
            className={`${classes.lines} flip`}
            viewBox="0 0 100 100"
            preserveAspectRatio="none"
            aria-hidden
          >
            {series.map((one, at) => (
              <Line key={one.name} series={one} values={values[at] ?? []} top={top} />
            ))}
          </svg>
        )}
        {shown && over !== undefined && (
          <Paper
            withBorder
            shadow="sm"
            px="xs"
            py={6}
            className={classes.tip}
            style={{
              [over * 2 < days.length ? "insetInlineStart" : "insetInlineEnd"]:
                `${((over * 2 < days.length ? over + 1 : days.length - over) / days.length) * 100}%`,
            }}
          >
            <Text size="xs" fw={600}>
              {name(shown.day)}
            </Text>
            {series.map(({ name, color, of }) => {
              const value = of(shown);
              return (
                <Text key={name} size="xs" className={classes.named}>
                  <Swatch color={color} />
                  {name}
                  <span className={classes.value}>{value === null ? "–" : say(value)}</span>
                </Text>
              );
            })}
          </Paper>
        )}
      </div>
      <div className={classes.names}>
        {namedDays(days.length).map((at) => (
          <span key={at} style={{ insetInlineStart: `${((at + 0.5) / days.length) * 100}%` }}>
            <span>{name(days[at]?.day ?? "")}</span>
          </span>
        ))}
      </div>
      {series.length > 1 && (
        <Group className={classes.legend} justify="flex-end" gap="xs">
          {series.map(({ name, color }) => (
            <Text key={name} size="xs" className={classes.named}>
              <Swatch color={color} />
              {name}
            </Text>
          ))}
        </Group>
      )}
    </Box>
  );
}

function Swatch({ color }: Pick<Series, "color">) {
  return <span className={classes.swatch} style={{ background: color }} />;
}

type LineProps = { series: Series; values: (number | null)[]; top: number };

/** Days of which nothing is known are bridged. */
function Line({ series: { color, dashes }, values, top }: LineProps) {
  const all = points(values, top).map((point) => point.join(","));
  const line = { stroke: color, fill: "none", vectorEffect: "non-scaling-stroke" };
  if (all.length === 0) return null;
  return (
    <>
      <path
        {...line}
        d={`M${all.join("L")}`}
        strokeWidth={2}
        strokeDasharray={dashes}
        strokeLinejoin="round"
      />
      {values.length <= 31 && (
        <path {...line} d={all.map((at) => `M${at}h0`).join("")} strokeWidth={5} strokeLinecap="round" />
      )}
    </>
  );
}
