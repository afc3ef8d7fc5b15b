// Which alarm about a lost notice is shown.
import { expect, test } from "vitest";
import { lostNotice } from "./LostNotices";

const event = (kind: string, created_at: number) => ({
  id: `evt_${created_at}`,
  number_id: null,
  kind,
  payload: {},
  alert: "Something happened.",
  created_at,
});

test("the newest lost notice of the last day is shown", () => {
  const now = 100 * 3_600_000;
  const hour = (ago: number) => now - ago * 3_600_000;
  const events = [event("errors", hour(1)), event("notice_lost", hour(2)), event("notice_lost", hour(3))];
  expect(lostNotice(events, now)?.created_at).toBe(hour(2));
  expect(lostNotice([event("notice_lost", hour(25))], now)).toBeUndefined();
  expect(lostNotice([], now)).toBeUndefined();
});
