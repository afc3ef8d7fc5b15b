import { expect, test } from "vitest";
import { bodyOf, headerLine, withBody } from "./promptBody";
import { headerValue, readPrompt, writePrompt } from "./promptFile";

const file = (name: string) => `---\nvoice: { transcribe: true }\nname: ${name}\nmodel: x\n---\nHi\n`;

test.each([
  "Blue Door Cycles",
  "Blue Door Cycles # the shop",
  "Blue#Door:not a map?",
  "Ana's",
  '"Ana \\"A\\" Reis" # quoted',
  '"caf\\u00e9"',
  "'Ana''s shop'",
  "متجر الكتب",
  "24 hours",
  "Café – São João",
])("the name %s is read as the parser reads it", (name) => {
  expect(headerLine(file(name), "name")).toBe(headerValue(file(name), ["name"]));
});

test.each(["[Blue, Door]", "{ a: b }", ">-\n  Blue\n  Door", "Blue\n  Door", "*anchor", '"\\x41"'])(
  "the name %s is left to the parser",
  (name) => {
    expect(headerLine(file(name), "name")).toBeUndefined();
  },
);

test("a name below another key, or in the system prompt, is not the agent's", () => {
  expect(headerLine("---\nhandoff:\n  name: Ana\n---\nname: Bo\n", "name")).toBeUndefined();
  expect(headerLine("name: Bo\n", "name")).toBeUndefined();
});

test("without the parser the system prompt is read and changed as with it", () => {
  for (const source of [
    file("A"),
    "Hi",
    "",
    "---\n---\nHi",
    "\uFEFF---\r\nname: A\r\n---\r\nHi",
    "---\nHi",
  ]) {
    expect(bodyOf(source)).toBe(readPrompt(source).body);
    expect(bodyOf(withBody(source, "Ho\n"))).toBe("Ho\n");
  }
  expect(withBody("Hi", "Ho\n")).toBe(writePrompt({ ...readPrompt("Hi"), body: "Ho\n" }));
});
