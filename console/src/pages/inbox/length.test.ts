import { expect, test } from "vitest";
import { lengthOf } from "./length";

test("a text may have 4096 characters, a caption 1024, however they are encoded", () => {
  expect(lengthOf("a".repeat(4_096), false).left).toBe(0);
  expect(lengthOf("a".repeat(4_097), false).left).toBe(-1);
  expect(lengthOf("a".repeat(1_024), true).left).toBe(0);
  expect(lengthOf("a".repeat(1_025), true).left).toBe(-1);
  expect(lengthOf("😀".repeat(1_024), true).left).toBe(0);
});

test("the rest is shown near the end only, and not when it is too long", () => {
  expect(lengthOf("a".repeat(3_584), false).isNear).toBe(false);
  expect(lengthOf("a".repeat(3_585), false).isNear).toBe(true);
  expect(lengthOf("a".repeat(896), true).isNear).toBe(false);
  expect(lengthOf("a".repeat(897), true).isNear).toBe(true);
  expect(lengthOf("a".repeat(1_025), true).isNear).toBe(false);
});
