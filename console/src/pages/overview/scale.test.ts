import { expect, test } from "vitest";
import { namedDays, points, ticks } from "./scale";

test("a scale begins at zero, reaches the highest value and has round steps", () => {
  expect(ticks(7, true)).toEqual([0, 2, 4, 6, 8]);
  expect(ticks(1)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  expect(ticks(2_300)).toEqual([0, 1_000, 2_000, 3_000]);
  expect(ticks(100_000)).toEqual([0, 25_000, 50_000, 75_000, 100_000]);
});

test("counted things have no halves, and an empty chart has a scale", () => {
  expect(ticks(1, true)).toEqual([0, 1]);
  expect(ticks(2, true)).toEqual([0, 1, 2]);
  expect(ticks(10, true)).toEqual([0, 5, 10]);
  expect(ticks(0, true)).toEqual([0, 1]);
  for (const top of ticks(0)) expect(top).not.toBeNaN();
});

test("at most five days are named, however many there are", () => {
  expect(namedDays(7)).toEqual([0, 2, 4, 6]);
  for (const days of [1, 7, 30, 90]) expect(namedDays(days).length).toBeLessThanOrEqual(5);
  expect(namedDays(0)).toEqual([]);
});

test("a line stands in the middle of its days, and leaves out what is not known", () => {
  expect(points([0, null, 4, 2], 4)).toEqual([
    [12.5, 100],
    [62.5, 0],
    [87.5, 50],
  ]);
});
