import { expect, test } from "vitest";
import { locale } from "./format";

test("days and hours are written as the browser's own kind of the language writes them", () => {
  expect(locale("en", ["en-GB", "en-US", "es"])).toBe("en-GB");
  expect(locale("es", ["en-GB", "es-MX"])).toBe("es-MX");
  expect(locale("ar", ["en-GB"])).toBe("ar");
});
