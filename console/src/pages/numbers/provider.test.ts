// In a sentence a provider goes by its company's name.
import { expect, test } from "vitest";
import { brandOf } from "./provider";

test("the company is what stands in brackets at the end of a title", () => {
  expect(brandOf("WhatsApp Cloud API (Meta)")).toBe("Meta");
  expect(brandOf("Practice number")).toBe("Practice number");
});
