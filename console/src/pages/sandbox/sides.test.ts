import { expect, test } from "vitest";
import { modelOf, sourceOf, type Version } from "./sides";

const file = (model: string) => `---\nname: A # its name\nmodel: ${model}\n---\nHi\n`;
const versions = [
  { id: "v", version: 3, source: file("three"), created_at: 0, live: true },
] satisfies Version[];

test("the draft or a version answers, with its own model or another", () => {
  expect(sourceOf({ version: "draft", model: "" }, file("mine"), versions)).toBe(file("mine"));
  expect(modelOf(sourceOf({ version: 3, model: "" }, file("mine"), versions) ?? "")).toBe("three");
  const other = sourceOf({ version: 3, model: " large " }, file("mine"), versions) ?? "";
  expect(modelOf(other)).toBe("large");
  expect(other).toContain("# its name");
  expect(sourceOf({ version: 9, model: "" }, file("mine"), versions)).toBeUndefined();
  expect(modelOf("---\nname: A\n---\nHi")).toBe("");
});
