import { expect, test } from "vitest";
import { headerValue } from "@/parts/promptFile";
import { fileOf, sourceOf, type Version } from "./sides";

const file = (model: string) => `---\nname: A # its name\nmodel: ${model}\n---\nHi\n`;
const versions = [
  { id: "v", version: 3, source: file("three"), created_at: 0, live: true },
] satisfies Version[];

test("the draft or a version answers, with its own model or another", async () => {
  expect(sourceOf({ version: "draft", model: "" }, file("mine"), versions)).toBe(file("mine"));
  const source = sourceOf({ version: 3, model: "" }, file("mine"), versions);
  expect(source).toBe(file("three"));
  expect(await fileOf({ name: "3", source })).toBe(file("three"));
  const other = (await fileOf({ name: "3", source, model: "large" })) ?? "";
  expect(headerValue(other, ["model"])).toBe("large");
  expect(other).toContain("# its name");
  expect(sourceOf({ version: 9, model: "" }, file("mine"), versions)).toBeUndefined();
});
