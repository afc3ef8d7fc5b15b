import { expect, test } from "vitest";
import { waitedIn } from "./waited";

test("a wait is said in its largest unit, and not within the first minute", () => {
  const waited = waitedIn("en");
  expect(waited(0, 59_999)).toBe("");
  expect(waited(0, 60_000)).toBe("1 min");
  expect(waited(0, 59 * 60_000)).toBe("59 min");
  expect(waited(0, 25 * 3_600_000)).toBe("1 day");
  expect(waited(0, 3 * 3_600_000)).toBe("3 hr");
  expect(waited(5_000, 0), "a clock that is ahead").toBe("");
});
