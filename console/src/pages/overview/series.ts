// What a chart shows, drawn or as a table.
import { useTranslation } from "react-i18next";
import { type Day, noon } from "./range";

/** Pixels of a drawing. */
export const HEIGHT = 200;

export type Series = {
  name: string;
  of: (day: Day) => number | null;
  /** Lines also differ in their dashes, never by colour alone. */
  color: "var(--chart-1)" | "var(--chart-2)" | "var(--chart-quiet)";
  dashes?: string;
};

export type ChartData = {
  title: string;
  days: Day[];
  series: Series[];
  /** `beside`: bars of things that do not add up to a sum. */
  kind: "bars" | "beside" | "lines";
  /** Formats a value. */
  say: (value: number) => string;
  /** The highest possible value. */
  most?: number;
  /** Whether the axis shows whole numbers only. */
  whole?: boolean;
};

/** Names a day such as `2026-11-22` in the reader's language. */
export function useDay() {
  const { i18n } = useTranslation();
  const format = new Intl.DateTimeFormat(i18n.language, { day: "numeric", month: "short", timeZone: "UTC" });
  return (day: string) => format.format(noon(day));
}
