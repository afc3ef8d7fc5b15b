import { expect, test } from "vitest";
import { trendOf } from "./trend";

test("a change is a part of the value before", () => {
  expect(trendOf(12, 10, "amount")).toEqual({ way: "up", by: 0.2 });
  expect(trendOf(5, 10, "amount")).toEqual({ way: "down", by: 0.5 });
});

test("fewer hand-offs are better, a slower response is worse", () => {
  expect(trendOf(5, 10, "amount", "down")?.verdict).toBe("better");
  expect(trendOf(3_000, 2_000, "time", "down")?.verdict).toBe("worse");
  expect(trendOf(0.9, 0.8, "share", "up")?.verdict).toBe("better");
});

test("a share changes by percentage points", () => {
  expect(trendOf(0.85, 0.8, "share", "up")).toEqual({ way: "up", by: 5, verdict: "better" });
  expect(trendOf(0.5, 0, "share", "up")?.by).toBe(50);
});

test("what is shown as no change is none, and is neither good nor bad", () => {
  expect(trendOf(1_002, 1_000, "amount", "down")).toEqual({ way: "same", by: 0 });
  expect(trendOf(0, 0, "share", "up")).toEqual({ way: "same", by: 0 });
});

test("a change from nothing, or to nothing known, says nothing", () => {
  expect(trendOf(5, 0, "amount")).toBeUndefined();
  expect(trendOf(null, 5, "time")).toBeUndefined();
  expect(trendOf(5, undefined, "amount")).toBeUndefined();
});
