// A second number of a provider gets a name of its own.
import { expect, test } from "vitest";
import { freeName } from "./freeName";

test("a name that is taken is counted on", () => {
  expect(freeName("meta", [])).toBe("meta");
  expect(freeName("meta", [{ slug: "meta" }, { slug: "main" }])).toBe("meta-2");
  expect(freeName("meta", [{ slug: "meta" }, { slug: "meta-2" }])).toBe("meta-3");
});
