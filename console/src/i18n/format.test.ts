import { expect, test } from "vitest";
import { formats, locale } from "./format";

test("days and hours are written as the browser's own kind of the language writes them", () => {
  expect(locale("en", ["en-GB", "en-US", "es"])).toBe("en-GB");
  expect(locale("es", ["en-GB", "es-MX"])).toBe("es-MX");
  expect(locale("ar", ["en-GB"])).toBe("ar");
});

test("a file of a few bytes is told from an empty one", () => {
  const { size } = formats("en");
  expect([0, 3, 1_960, 7_800_000].map(size)).toEqual(["0 kB", "0.1 kB", "2 kB", "7.8 MB"]);
});
