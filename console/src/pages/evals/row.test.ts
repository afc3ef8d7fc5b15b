import { expect, test } from "vitest";
import { readBeside, readComparison, readRow, readSummary } from "./row";

test("a row is read, with what its assertions found", () => {
  const row = readRow({
    key: "k",
    title: "are you open?",
    verdict: "failed",
    score: 0.5,
    latencyMs: 14.5,
    cost: 0.000_2,
    tokenUsage: { total: 120 },
    vars: { message: "are you open?", more: { a: 1 } },
    prompt: { raw: "are you open?" },
    response: {
      output: "Yes",
      turns: [{ said: ["are you open?"], outcome: "answer", bubbles: ["Yes"], trace: { total_ms: 1 } }],
    },
    gradingResult: {
      componentResults: [
        { pass: true, score: 1, reason: "Assertion passed", assertion: { type: "contains", value: "Yes" } },
        {
          pass: false,
          score: 0,
          reason: "no",
          assertion: { type: "all", value: { x: 1 } },
          componentResults: [{}],
        },
        {
          pass: false,
          score: 0,
          reason: "skipped: no python",
          skipped: "no python",
          assertion: { type: "python" },
        },
      ],
    },
  });
  expect(row.micros).toBeCloseTo(200);
  expect(row.vars[1]).toEqual(["more", '{\n  "a": 1\n}']);
  expect(row.checks.map(({ verdict }) => verdict)).toEqual(["passed", "failed", "skipped"]);
  expect(row.checks[1]?.parts).toHaveLength(1);
  expect(row.turns[0]?.bubbles).toEqual(["Yes"]);
});

test("a row that lacks everything breaks nothing", () => {
  for (const nothing of [null, undefined, "", [], { response: null, gradingResult: null, vars: 3 }])
    expect(readRow(nothing)).toMatchObject({ verdict: "error", checks: [], turns: [], output: "" });
});

test("the columns of a run are put together; what was skipped counts for no score", () => {
  const column = { score: 1.5, testPassCount: 1, testFailCount: 1, testSkipCount: 5, cost: 0.001 };
  const summary = readSummary({
    prompts: [{ metrics: column }, { metrics: column }],
    graderTokens: { total: 7 },
    graderCost: 0.5,
    complete: true,
  });
  expect(summary).toMatchObject({ score: 0.75, tokens: 7, micros: 2000, isComplete: true });
  expect(readSummary(null)).toBeUndefined();
  expect(readSummary({ prompts: [] })?.score).toBeUndefined();
});

test("a comparison", () => {
  expect(
    readComparison({ better: 1, interval: [-0.1, 0.2], changed: [{ title: "a", worse: true }] }),
  ).toMatchObject({
    better: 1,
    worse: 0,
    interval: [-0.1, 0.2],
    changed: [{ title: "a", worse: true, why: "" }],
  });
  expect(readComparison(undefined)).toBeUndefined();
});

test("an address names no run twice, nor itself, nor too many", () => {
  expect(readBeside("b,a,b,,c,d,e,f,g", "a")).toEqual(["b", "c", "d", "e", "f"]);
  expect(readBeside(undefined, "a")).toEqual([]);
});
