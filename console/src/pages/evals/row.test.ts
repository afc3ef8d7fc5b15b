import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { askedOf, checkOf, isAcceptable, isAgainstAccepted, outputOf, readBeside, summed } from "./row";

test("a row is said in words, with what its assertions found", () => {
  const row: Schemas["RowView"] = {
    title: "are you open?",
    verdict: "failed",
    prompt: { raw: "are you open?" },
    response: { output: { a: 1 } },
  };
  expect(askedOf(row)).toBe("are you open?");
  expect(outputOf(row)).toBe('{\n  "a": 1\n}');
  const found: Schemas["AssertionResult"][] = [
    { pass: true, score: 1, reason: "Assertion passed", assertion: { type: "contains", value: "Yes" } },
    { reason: "no", assertion: { type: "all", value: { x: 1 } }, componentResults: [{}] },
    { skipped: "no python", assertion: { type: "python" } },
    { error: "no such type" },
  ];
  const checks = found.map(checkOf);
  expect(checks.map(({ verdict }) => verdict)).toEqual(["passed", "failed", "skipped", "error"]);
  expect(checks.map(({ wants }) => wants)).toEqual(["Yes", '{\n  "x": 1\n}', "", ""]);
  expect(checks[1]?.parts).toHaveLength(1);
  expect(checks[2]?.reason).toBe("no python");
});

test("a row that lacks everything breaks nothing", () => {
  const bare: Schemas["RowView"] = { title: "", verdict: "error" };
  for (const row of [bare, { ...bare, prompt: null, response: null }, { ...bare, prompt: "", response: {} }])
    expect([askedOf(row), outputOf(row)]).toEqual(["", ""]);
  for (const assertion of [undefined, null, "", []])
    expect(checkOf({ assertion })).toMatchObject({
      type: "",
      wants: "",
      verdict: "failed",
      score: 0,
      parts: [],
    });
});

test("the columns of a run are put together; what was skipped counts for no score", () => {
  const column = { score: 1.5, testPassCount: 1, testFailCount: 1, testSkipCount: 5, cost: 0.001 };
  const sums = summed({
    prompts: [{ metrics: column }, { metrics: column }],
    graderTokens: { total: 7 },
    graderCost: 0.5,
  });
  expect(sums).toMatchObject({ score: 0.75, tokens: 7, micros: 2000 });
  expect(summed({ prompts: [{}] }).score).toBeUndefined();
  expect(summed({})).toEqual({ score: undefined, tokens: 0, micros: 0, checksPassed: 0, checks: 0 });
});

test("an address names no run twice, nor itself, nor too many", () => {
  expect(readBeside("b,a,b,,c,d,e,f,g", "a")).toEqual(["b", "c", "d", "e", "f"]);
  expect(readBeside(undefined, "a")).toEqual([]);
});

test("only a whole run of the live version can be accepted", () => {
  const counts = { passed: 2, failed: 1, errors: 0, skipped: 0 };
  const wanted = { repeat: 3, baseline: "basics.baseline.json" };
  expect(isAcceptable({ state: "done", wanted, counts })).toBe(true);
  for (const part of [
    { first: 1 },
    { sample: 2 },
    { pattern: "x" },
    { failing: "run_1" },
    { metadata: ["a=b"] },
    { prompt: "A draft" },
    { grader: "openai:other" },
  ])
    expect(
      isAcceptable({ state: "done", wanted: { ...wanted, ...part }, counts }),
      JSON.stringify(part),
    ).toBe(false);
  expect(isAcceptable({ state: "done", wanted, counts: { ...counts, errors: 1 } })).toBe(false);
  expect(isAcceptable({ state: "stopped", wanted, counts })).toBe(false);
  expect(isAcceptable({ state: "done", wanted: null, counts })).toBe(false);
});

test("a run is compared with accepted scores or with an earlier run", () => {
  const against = [{ baseline: "a.baseline.json" }, { baseline: "run_1" }, {}, null];
  expect(against.map((wanted) => isAgainstAccepted({ wanted }))).toEqual([true, false, false, false]);
});
