import { expect, test } from "vitest";
import { findTemplates } from "./variables";

const known = new Set(["agent", "today"]);
const kinds = (text: string) => findTemplates(text, known).map(({ kind, name }) => [kind, name]);

test("variables, statements, and what nobody knows", () => {
  expect(kinds("Hi {{ agent }}, {{today|upper}}. {%- if agent %}x{% endif %} {{ todey }}")).toEqual([
    ["variable", "agent"],
    ["variable", "today"],
    ["statement", undefined],
    ["statement", undefined],
    ["unknown", "todey"],
  ]);
});

test("what the prompt makes itself is known", () => {
  expect(
    kinds("{% set shop = 'x' %}{{ shop }}{% for day in week %}{{ day }}{% endfor %}").map(([kind]) => kind),
  ).toEqual(["statement", "variable", "statement", "variable", "statement"]);
});

test("nothing is unknown before it is told what is known", () => {
  expect(findTemplates("{{ anything }}")).toEqual([{ from: 0, to: 14, kind: "variable", name: "anything" }]);
});
