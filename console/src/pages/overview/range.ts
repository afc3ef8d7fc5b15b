// Which days are looked at, and how they are compared with those before.
import type { Schemas } from "@/api/client";

export type Figures = Schemas["Figures"];
export type Day = Schemas["Day"];

export const ranges = [7, 30, 90] as const;
export type Days = (typeof ranges)[number];

/** What the address says, when there is such a range; else a month. */
export const readDays = (days: number | undefined): Days => ranges.find((one) => one === days) ?? 30;

/** The zone of the browser. */
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function daysBack(now: number, days: number): Date {
  const then = new Date(now);
  then.setDate(then.getDate() - days);
  return then;
}

/** From the beginning of the first day to now, and the same time before that: whole days, and as much of the last one. */
export function spans(days: Days, now: number) {
  return {
    from: daysBack(now, days - 1).setHours(0, 0, 0, 0),
    before: {
      from: daysBack(now, 2 * days - 1).setHours(0, 0, 0, 0),
      to: daysBack(now, days).getTime(),
    },
  };
}

/** How much more or less it is, as a share of what it was; undefined where that says nothing. */
export function change(
  now: number | null | undefined,
  before: number | null | undefined,
): number | undefined {
  if (now == null || before == null || before === 0) return undefined;
  return (now - before) / before;
}

/** Of what was written to customers that day, the bot's part. */
export function shareByBot({ by_bot, by_person }: Pick<Figures, "by_bot" | "by_person">): number | null {
  return by_bot + by_person > 0 ? by_bot / (by_bot + by_person) : null;
}

/** Whether anything happened at all. */
export function isQuiet(total: Figures): boolean {
  const { inbound, outbound, turns, failed_sends, unknown_sends, hand_offs } = total;
  return inbound + outbound + turns + failed_sends + unknown_sends + hand_offs === 0;
}

/** Noon of a day such as `2026-11-22`, wherever one is: for its name alone. */
export const noon = (day: string) => Date.parse(`${day}T12:00:00Z`);
