import { expect, test } from "vitest";
import { isQuiet, readDays, shareByBot, spans } from "./range";

const nothing = {
  inbound: 0,
  outbound: 0,
  by_bot: 0,
  by_person: 0,
  turns: 0,
  answered: 0,
  no_answer: 0,
  failures: 0,
  hand_offs: 0,
  failed_sends: 0,
  unknown_sends: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost_micros: 0,
};

test("an address that says nonsense shows a month", () => {
  expect(readDays(7)).toBe(7);
  expect(readDays(undefined)).toBe(30);
  expect(readDays(1_000_000)).toBe(30);
});

test("seven days are today and six before; the days before end at the same time of day", () => {
  const now = new Date(2026, 10, 22, 15, 30).getTime();
  const { from, before } = spans(7, now);
  expect(from).toBe(new Date(2026, 10, 16).getTime());
  expect(before.from).toBe(new Date(2026, 10, 9).getTime());
  expect(before.to).toBe(new Date(2026, 10, 15, 15, 30).getTime());
  const { from: early, before: earlier } = spans(90, now);
  // The server returns at most 92 days.
  expect(now - early).toBeLessThan(92 * 86_400_000);
  expect(earlier.to - earlier.from).toBeLessThan(92 * 86_400_000);
});

test("the bot's part, where anything was written", () => {
  expect(shareByBot({ by_bot: 3, by_person: 1 })).toBe(0.75);
  expect(shareByBot({ by_bot: 0, by_person: 0 })).toBeNull();
});

test("a failed send alone is something", () => {
  expect(isQuiet(nothing)).toBe(true);
  expect(isQuiet({ ...nothing, failed_sends: 1 })).toBe(false);
});
