// The period shown, and its comparison with the period before.
import type { Schemas } from "@/api/client";

export type Figures = Schemas["Figures"];
export type Day = Schemas["Day"];

export const ranges = [7, 30, 90] as const;
export type Days = (typeof ranges)[number];

/** The range in the address if it exists, else 30 days. */
export const readDays = (days: number | undefined): Days => ranges.find((one) => one === days) ?? 30;

/** The browser's time zone. */
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function daysBack(now: number, days: number): Date {
  const then = new Date(now);
  then.setDate(then.getDate() - days);
  return then;
}

/**
 * From the start of the first day until now, and the same span before it: whole days, and an equal part of
 * the last one.
 */
export function spans(days: Days, now: number) {
  return {
    from: daysBack(now, days - 1).setHours(0, 0, 0, 0),
    before: {
      from: daysBack(now, 2 * days - 1).setHours(0, 0, 0, 0),
      to: daysBack(now, days).getTime(),
    },
  };
}

/** The bot's share of the messages sent to customers; null when none were sent. */
export function shareByBot({ by_bot, by_person }: Pick<Figures, "by_bot" | "by_person">): number | null {
  return by_bot + by_person > 0 ? by_bot / (by_bot + by_person) : null;
}

/** Whether nothing happened at all. */
export function isQuiet(total: Figures): boolean {
  const { inbound, outbound, turns, failed_sends, unknown_sends, hand_offs } = total;
  return inbound + outbound + turns + failed_sends + unknown_sends + hand_offs === 0;
}

/** Noon (UTC) of a day such as `2026-11-22`, used only to format its name. */
export const noon = (day: string) => Date.parse(`${day}T12:00:00Z`);
