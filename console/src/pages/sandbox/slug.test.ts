import { expect, test } from "vitest";
import { isSlug, slugOf } from "./slug";

test("a short name is made from a name", () => {
  expect(slugOf("Café Saltmarsh & Söhne!")).toBe("cafe-saltmarsh-sohne");
  expect(slugOf("متجر")).toBe("");
  expect(isSlug(slugOf("x".repeat(80)))).toBe(true);
});

test("what is a short name", () => {
  for (const good of ["a", "shop-2"]) expect(isSlug(good)).toBe(true);
  for (const bad of ["", "-a", "a-", "A", "a b", "x".repeat(61)]) expect(isSlug(bad)).toBe(false);
});
