import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { filtered, readFilter } from "./filter";

const cell = (verdict: Schemas["RowVerdict"]) => ({ verdict, score: 1, output: "", latency_ms: 1, row: "r" });
const cases = [
  { key: "1", title: "¿Cuándo abren?", column: "", cells: [cell("passed"), cell("failed")], changed: true },
  { key: "2", title: "Returns", column: "", cells: [cell("failed"), cell("failed")], changed: false },
  { key: "3", title: "New", column: "gpt", cells: [null, cell("passed")], changed: false },
];
const keys = (only: string | undefined, words: string) =>
  filtered(cases, readFilter(only), words).map(({ key }) => key);

test("by the first run's verdict, by what changed, by words without their accents", () => {
  expect(keys(undefined, "")).toEqual(["1", "2", "3"]);
  expect(keys("failed", "")).toEqual(["2"]);
  expect(keys("changed", "")).toEqual(["1"]);
  expect(keys(undefined, " cuando ")).toEqual(["1"]);
  expect(keys(undefined, "GPT")).toEqual(["3"]);
  expect(keys("nonsense", "")).toEqual(["1", "2", "3"]);
});
