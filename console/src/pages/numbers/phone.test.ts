// WhatsApp's link has digits alone.
import { expect, test } from "vitest";
import { phoneOf, waAddress } from "./phone";

test("a phone becomes a link of its digits", () => {
  expect(waAddress("+1 555-078-3881")).toBe("https://wa.me/15550783881");
  expect(waAddress(null)).toBeUndefined();
  expect(waAddress("not shown")).toBeUndefined();
});

test("a number without a known phone goes by its name", () => {
  expect(phoneOf({ display: null, slug: "main" })).toBe("\u2066main\u2069");
  expect(phoneOf({ display: "+49 30", slug: "main" })).toBe("\u2066+49 30\u2069");
});
