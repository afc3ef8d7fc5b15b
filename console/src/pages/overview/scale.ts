// The scale of a chart: where its lines and its values stand.

/** Lines that a scale aims at, above its zero. */
const LINES = 4;
/** Names of days that stand beside each other on a phone. */
const NAMES = 5;

/** The values of a scale's lines, from 0 to at least `top`, in equal steps that people count in. */
export function ticks(top: number, whole = false): number[] {
  const rough = Math.max(top, whole ? 1 : Number.MIN_VALUE) / LINES;
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [1, 2, 2.5, 5, 10].map((nice) => nice * power);
  // Divided, a step may come out a little too small.
  const fits = (step: number) => step * (1 + 1e-9) >= rough && (!whole || Number.isInteger(step));
  const step = steps.find(fits) ?? 1;
  const count = Math.max(1, Math.ceil(top / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, line) => line * step);
}

/** Which of so many days are named below a chart, from the first on. */
export function namedDays(days: number): number[] {
  const each = Math.ceil(days / NAMES);
  return Array.from({ length: Math.ceil(days / each) || 0 }, (_, at) => at * each);
}

/** The points of a line in percent, each in the middle of its day, from above; unknown values have none. */
export function points(values: (number | null)[], top: number): [x: number, y: number][] {
  return values.flatMap((value, at): [number, number][] =>
    value === null ? [] : [[((at + 0.5) / values.length) * 100, 100 - (value / top) * 100]],
  );
}
