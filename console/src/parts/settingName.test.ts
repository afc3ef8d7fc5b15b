import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { settings } from "./settingName";

it("knows every key that the reference of prompt files lists", () => {
  const reference = readFileSync(join(import.meta.dirname, "../../../docs/prompt-files.md"), "utf8");
  const keys = [...reference.matchAll(/^\| `([a-z_.]+)` \|/gm)].map(([, key]) => key);
  // The short form of `grounding.check`.
  expect([...settings].sort()).toEqual(keys.filter((key) => key !== "grounding").sort());
});
