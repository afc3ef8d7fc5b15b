// How a figure has changed since the period before, and whether that is good.

/** What a figure counts: its change is said in its own words. */
export type Unit = "amount" | "time" | "share";

export type Trend = {
  way: "up" | "down" | "same";
  /** The size of the change: a part of the earlier value; of a share, percentage points. */
  by: number;
  verdict?: "better" | "worse";
};

/** The change; undefined where it would be meaningless. `better`: which way is good, if either is. */
export function trendOf(
  now: number | null | undefined,
  before: number | null | undefined,
  unit: Unit,
  better?: "up" | "down",
): Trend | undefined {
  if (now == null || before == null) return undefined;
  if (unit !== "share" && before === 0) return undefined;
  const change = unit === "share" ? now - before : (now - before) / before;
  // As it is shown: whole percents.
  const by = Math.round(Math.abs(change) * 100);
  if (by === 0) return { way: "same", by: 0 };
  const way = change > 0 ? "up" : "down";
  const verdict = better && (way === better ? "better" : "worse");
  return { way, by: unit === "share" ? by : by / 100, verdict };
}
