import { expect, test } from "vitest";
import { clock, loudness } from "./recording";

test("a clock of minutes and seconds", () => {
  expect([0, 5.9, 65, 600].map(clock)).toEqual(["0:00", "0:05", "1:05", "10:00"]);
});

test("silence is nothing, loud is everything, speech between them", () => {
  expect(loudness(new Float32Array(64))).toBe(0);
  expect(loudness(new Float32Array(64).fill(1))).toBe(1);
  const speech = loudness(new Float32Array(64).fill(0.05));
  expect(speech).toBeGreaterThan(0.4);
  expect(speech).toBeLessThan(0.9);
});
