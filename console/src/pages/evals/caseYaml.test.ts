import { expect, test } from "vitest";
import { parse } from "yaml";
import { caseYaml, firstWords, literal } from "./caseYaml";

test("a case is the entry that its suite has", () => {
  const written = caseYaml({
    title: "",
    text: " When do you open?\n",
    history: [
      { speaker: "customer", text: "Hello" },
      { speaker: "bot", text: "Hi: {{name}}" },
    ],
    checks: [{ type: "answered" }, { type: "rouge-n", value: "At {{nine}}: yes", threshold: 0.5 }],
  });
  expect(parse(written)).toEqual([
    {
      description: "When do you open?",
      vars: { message: "When do you open?" },
      assert: [{ type: "answered" }, { type: "rouge-n", value: 'At {{ "{" }}{nine}}: yes', threshold: 0.5 }],
      options: { history: [{ customer: "Hello" }, { bot: 'Hi: {{ "{" }}{name}}' }] },
    },
  ]);
  expect(caseYaml({ title: "Hours", text: "x", history: [], checks: [] })).not.toContain("options");
});

test("a text is escaped as the server does", () => {
  expect(literal("file://{{a}} {b} {% c {")).toBe('{{ "file://" }}{{ "{" }}{a}} {b} {{ "{" }}% c {{ "{" }}');
  expect(literal("one\ntwo\n")).toBe('one\ntwo{{ "\\n" }}');
});

test("a title is the first words, and no longer than the server keeps", () => {
  expect(firstWords("  When \n do you  open? ")).toBe("When do you open?");
  const long = firstWords("سؤال ".repeat(30));
  expect([...long].length).toBeLessThanOrEqual(60);
  expect(long.endsWith("…")).toBe(true);
});
