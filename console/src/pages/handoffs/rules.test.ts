import { expect, test } from "vitest";
import { marked, readRules, tidy, withRule, wrongHeader } from "./rules";

const file = `---
name: Shop
handoff:
  keywords: [human] # the words
  reply: "One moment."
---
You answer.
`;

test("the rules of a file, and of one that says nothing", () => {
  expect(readRules(file)).toEqual({
    keywords: ["human"],
    patterns: [],
    reply: "One moment.",
    notify: [],
    returnMinutes: undefined,
  });
  expect(readRules("You answer.").keywords).toEqual([]);
});

test("a rule is changed; the rest of the file stays", () => {
  const changed = withRule(withRule(file, "keywords", ["human", "refund"]), "returnMinutes", 0);
  expect(readRules(changed)).toMatchObject({ keywords: ["human", "refund"], returnMinutes: 0 });
  expect(changed).toContain("name: Shop");
  expect(changed).toContain("You answer.");
});

test("what is emptied is taken out, and what was not there is not put in", () => {
  expect(withRule(file, "reply", "")).not.toContain("reply");
  expect(withRule(file, "patterns", [])).toBe(file);
});

test("phones stay text", () => {
  const changed = withRule(file, "notify", ["+15550100"]);
  expect(changed).toMatch(/"\+15550100"|'\+15550100'/);
  expect(readRules(changed).notify).toEqual(["+15550100"]);
});

test("a broken header is said", () => {
  expect(wrongHeader(file)).toBeUndefined();
  expect(wrongHeader("---\nname: [\n---\nHello")).toBeTruthy();
});

test("entries are tidied", () => {
  expect(tidy([" human ", "human", "", "a, b"])).toEqual(["human", "a, b"]);
});

test("the words that matched are marked", () => {
  expect(marked("A HUMAN please", "human")).toEqual([
    { text: "A ", hit: false },
    { text: "HUMAN", hit: true },
    { text: " please", hit: false },
  ]);
  expect(marked("nothing", "human")).toEqual([{ text: "nothing", hit: false }]);
});
