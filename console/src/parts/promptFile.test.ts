import { expect, test } from "vitest";
import { withBody } from "./promptBody";
import { headerValue, readPrompt, withHeader, withList } from "./promptFile";

const file = `---
# who it is
name: Acme support
knowledge: [acme]
handoff:
  keywords:
    - human # always
  reply: "One moment."
---
You answer customers of {{ agent }}.

--- not a header
`;

test("what is not changed stays as its author wrote it", () => {
  const changed = withHeader(file, ["temperature"], 0.4);
  expect(changed).toContain("# who it is");
  expect(changed).toContain("- human # always");
  expect(changed).toContain("knowledge: [acme]");
  expect(headerValue(changed, ["temperature"])).toBe(0.4);
  expect(readPrompt(changed).body).toBe(readPrompt(file).body);
});

test("a header is made where there is none", () => {
  const changed = withHeader("You answer.\n", ["handoff", "keywords"], ["human"]);
  expect(headerValue(changed, ["handoff", "keywords"])).toEqual(["human"]);
  expect(readPrompt(changed).body).toBe("You answer.\n");
});

test("a value is taken out", () => {
  expect(
    headerValue(withHeader(file, ["handoff", "reply"], undefined), ["handoff", "reply"]),
  ).toBeUndefined();
});

test("the system prompt alone is changed, lines of dashes in it stay", () => {
  const changed = withBody(file, "New.\n---\nstill the prompt\n");
  expect(readPrompt(changed).body).toBe("New.\n---\nstill the prompt\n");
  expect(headerValue(changed, ["name"])).toBe("Acme support");
});

test("a broken header is kept, not lost", () => {
  const broken = "---\nname: [\n---\nHello";
  expect(readPrompt(broken).body).toBe("Hello");
  expect(readPrompt(broken).header.errors.length).toBeGreaterThan(0);
});

test("a list keeps the words that stay, with their comments", () => {
  const changed = withList(file, ["handoff", "keywords"], ["human", "lawyer"]);
  expect(changed).toContain("- human # always");
  expect(headerValue(changed, ["handoff", "keywords"])).toEqual(["human", "lawyer"]);
  expect(
    headerValue(withList(changed, ["handoff", "keywords"], ["lawyer"]), ["handoff", "keywords"]),
  ).toEqual(["lawyer"]);
  expect(headerValue(withList(file, ["handoff", "keywords"], []), ["handoff", "keywords"])).toBeUndefined();
  expect(headerValue(withList(file, ["handoff", "patterns"], ["a"]), ["handoff", "patterns"])).toEqual(["a"]);
});

test("settings of a section that is not there make it", () => {
  expect(headerValue(withHeader(file, ["voice", "transcribe"], false), ["voice", "transcribe"])).toBe(false);
});

test("the header stays to the letter where it is not changed", () => {
  const odd =
    "---\n# about\nname:   A  # it\n\n# heard\nvoice: { transcribe: true }\nknowledge: [ a,b ]\nfailure: 'x'\n---\nHi\n";
  expect(withBody(odd, "Ho\n")).toBe(odd.replace("Hi", "Ho"));
  expect(withHeader(odd, ["failure"], "y")).toBe(odd.replace("failure: 'x'", "failure: 'y'"));
  expect(withHeader(odd, ["voice", "transcribe"], false)).toBe(odd.replace("true", "false"));
  expect(withHeader(odd, ["temperature"], 1)).toBe(
    odd.replace("failure: 'x'\n", "failure: 'x'\ntemperature: 1\n"),
  );
  expect(withHeader(odd, ["voice"], undefined)).toContain("knowledge: [ a,b ]\nfailure: 'x'\n---\nHi");
});

/** As the demo's prompt is written. */
const shop = `---
name: Saltmarsh Cycles
model: gpt-4o-mini
knowledge: [saltmarsh]
handoff:
  keywords:
    - human
    - "real person"
    - "call me back" # at once

  # in Spanish
    - abogado
  patterns: ['order \\d+', "x"]
  reply: "One moment. / Un momento."
  notify: ["+15550100"]
failure: "Sorry."
---
You answer.
`;

/** The lines of one text that the other lacks. */
const lacking = (one: string, other: string) =>
  one.split("\n").filter((line) => !other.split("\n").includes(line));

test("one more word is one more line", () => {
  const words = ["human", "real person", "call me back", "abogado"];
  const more = withList(shop, ["handoff", "keywords"], [...words, "refund"]);
  expect(lacking(more, shop)).toEqual(["    - refund"]);
  expect(lacking(shop, more)).toEqual([]);
  const less = withList(shop, ["handoff", "keywords"], ["human", "call me back", "abogado"]);
  expect(lacking(less, shop)).toEqual([]);
  expect(lacking(shop, less)).toEqual(['    - "real person"']);
  const other = withList(shop, ["handoff", "keywords"], ["lawyer, now"]);
  expect(headerValue(other, ["handoff", "keywords"])).toEqual(["lawyer, now"]);
});

test("a list on one line stays on it, with its quotes", () => {
  const phones = withList(shop, ["handoff", "notify"], ["+15550100", "+15550101"]);
  expect(phones).toBe(shop.replace('["+15550100"]', '["+15550100", "+15550101"]'));
  const names = withList(shop, ["knowledge"], ["saltmarsh", "faq, new"]);
  expect(headerValue(names, ["knowledge"])).toEqual(["saltmarsh", "faq, new"]);
  expect(lacking(names, shop)).toEqual(['knowledge: [saltmarsh, "faq, new"]']);
  expect(withList(shop, ["handoff", "patterns"], ["x"])).toBe(shop.replace("'order \\d+', ", ""));
  expect(withList(shop, ["handoff", "patterns"], ["order \\d+"])).toBe(shop.replace(', "x"', ""));
});

test("a value keeps its quotes, a new one is one line, and one that goes takes only its own", () => {
  const reply = ["handoff", "reply"];
  expect(withHeader(shop, reply, "Soon.")).toBe(shop.replace("One moment. / Un momento.", "Soon."));
  expect(withHeader(shop, reply, undefined)).toBe(shop.replace('  reply: "One moment. / Un momento."\n', ""));
  expect(withHeader(shop, ["handoff", "return_minutes"], 5)).toBe(
    shop.replace('["+15550100"]\n', '["+15550100"]\n  return_minutes: 5\n'),
  );
  expect(lacking(withHeader(shop, ["voice", "language"], "es"), shop)).toEqual(["voice:", "  language: es"]);
  expect(withHeader(shop, ["model"], "gpt-5")).toBe(shop.replace("gpt-4o-mini", "gpt-5"));
});

test("what the edits do not know is written anew", () => {
  const odd = "---\nhandoff: { keywords: [human], reply: >-\n   a\n   b\n }\nname: x\n---\nHi\n";
  for (const source of [odd, "---\nhandoff:\n  reply: |\n    One\n    two\nname: x\n---\nHi\n"]) {
    if (readPrompt(source).header.errors.length > 0) continue;
    const now = withHeader(source, ["handoff", "reply"], "Soon.");
    expect(headerValue(now, ["handoff", "reply"])).toBe("Soon.");
    expect(headerValue(now, ["name"])).toBe("x");
  }
});
