import { expect, test } from "vitest";
import { hueOf, initialsOf } from "./initials";

test("initials are those of the first and the last word", () => {
  expect(initialsOf("ada byron lovelace")).toBe("AL");
  expect(initialsOf("  Grace ")).toBe("G");
  expect(initialsOf("🌸 Élodie (shop)")).toBe("É");
  expect(initialsOf("ليلى حسن"), "two Arabic letters would join").toBe("ل");
  expect(initialsOf("+447700900001")).toBe("");
  expect(initialsOf("")).toBe("");
});

test("an id keeps its colour, and different ids have different ones", () => {
  expect(hueOf("con_01")).toBe(hueOf("con_01"));
  const seen = new Set(Array.from({ length: 50 }, (_, at) => hueOf(`con_${at}`)));
  expect(seen.size).toBeGreaterThan(3);
});
