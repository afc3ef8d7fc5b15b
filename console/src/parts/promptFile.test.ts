import { expect, test } from "vitest";
import { headerValue, readPrompt, withBody, withHeader, withList } from "./promptFile";

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
  expect(withHeader(odd, ["failure"], "y")).toBe(odd.replace("failure: 'x'", "failure: y"));
  expect(withHeader(odd, ["voice", "transcribe"], false)).toBe(odd.replace("true", "false"));
  expect(withHeader(odd, ["temperature"], 1)).toBe(
    odd.replace("failure: 'x'\n", "failure: 'x'\ntemperature: 1\n"),
  );
  expect(withHeader(odd, ["voice"], undefined)).toContain("knowledge: [ a,b ]\nfailure: 'x'\n---\nHi");
});
