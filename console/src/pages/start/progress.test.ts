import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { hasDocuments, states, target } from "./progress";

const collection = (part: Partial<Schemas["Collection"]>): Schemas["Collection"] => ({
  id: "col_1",
  slug: "shop",
  documents: 0,
  ready: 0,
  chunks: 0,
  learning: 0,
  failures: 0,
  failed: [],
  origin: "folder",
  agents: [],
  guards: [],
  ...part,
});

test("the first step that is not done is next, later ones are open", () => {
  expect(states([false, false, false])).toEqual(["next", "open", "open"]);
  expect(states([true, false, true])).toEqual(["done", "next", "done"]);
  expect(states([true, true, true])).toEqual(["done", "done", "done"]);
});

test("the demo's own documents are not the business's", () => {
  const demo = collection({ ready: 60, origin: "demo" });
  expect(hasDocuments([demo], 0)).toBe(false);
  expect(hasDocuments([collection({ ready: 60 })], 0)).toBe(true);
  expect(hasDocuments([demo], 1)).toBe(true);
  expect(hasDocuments([demo, collection({ ready: 1, origin: "console" })], 0)).toBe(true);
  expect(hasDocuments([collection({ documents: 3, learning: 3, origin: "console" })], 0)).toBe(false);
});

test("files go where the agent knows from", () => {
  const other = collection({ slug: "other" });
  const known = collection({ slug: "known", agents: ["shop"] });
  expect(target([other, known], "shop")).toBe(known);
  expect(target([other], "shop")).toBe(other);
  expect(target([], "shop")).toBeUndefined();
});
