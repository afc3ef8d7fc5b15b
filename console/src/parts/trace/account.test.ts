import { expect, test } from "vitest";
import { accountOf, reasonIn, usedAnswer } from "./account";
import type { Trace } from "./trace";

const empty: Trace = { usage: { input_tokens: 0, output_tokens: 0, cost_micros: 0 }, total_ms: 0 };
const reply = {
  model: "m",
  raw: "We open at nine [1].",
  calls_person: false,
  repairs: [],
  errors: [],
  citations: [{ mark: 1, title: "", source: "a.md", heading: "", place: "" }],
  took_ms: 1,
};
const prompt = {
  messages: [],
  tokens: 80,
  budget: 4000,
  dropped_history: 0,
  dropped_passages: 0,
  took_ms: 1,
};
const nearest = { answer: "ans_1", phrasing: "Open?", score: 1, words: 1, second: 0, threshold: 0.6 };
const curated = { answers: 3, nearest, took_ms: 1 };
const checked = (supported: boolean) => ({
  verdicts: [{ text: "x", supported, cited: [], why: "" }],
  score: 0,
  threshold: 0.5,
  hold_below: 0.02,
  action: "",
  took_ms: 1,
});
const retrieve = { query: "", searched: [], passages: [], confidence: 1, took_ms: 1, embed_ms: 0 };

test("an answer was curated, quoted, written on passages, or on none", () => {
  expect(accountOf("answer", { ...empty, curated })).toBe("curated");
  expect(accountOf("answer", { ...empty, prompt, reply })).toBe("written");
  expect(accountOf("answer", { ...empty, prompt, reply: { ...reply, citations: [] } })).toBe("unsourced");
  expect(accountOf("answer", { ...empty, prompt: { ...prompt, budget: 0 }, reply })).toBe("quoted");
  expect(accountOf("answer", { ...empty, prompt, reply: { ...reply, stand_in: "failed" } })).toBe("stand_in");
  expect(accountOf("answer", null)).toBe("answer");
});

test("a curated answer that was only near is none", () => {
  const refused = { ...curated, refused: "not near enough" };
  expect(accountOf("answer", { ...empty, curated: refused, retrieve, prompt, reply })).toBe("written");
  expect(usedAnswer({ ...empty, curated: refused })).toBeUndefined();
  expect(usedAnswer({ ...empty, curated })?.answer).toBe("ans_1");
});

test("without an answer, the documents were not sure, the model knew none, or its answer was held back", () => {
  expect(accountOf("no_answer", { ...empty, prompt, reply: { ...reply, raw: "" } })).toBe("no_answer");
  expect(accountOf("no_answer", { ...empty, prompt, reply })).toBe("not_known");
  expect(accountOf("no_answer", { ...empty, prompt, reply: { ...reply, checked: checked(true) } })).toBe(
    "not_known",
  );
  expect(accountOf("no_answer", { ...empty, prompt, reply: { ...reply, checked: checked(false) } })).toBe(
    "held",
  );
});

test("any other outcome is its own account, and a word of a newer server is none", () => {
  for (const outcome of ["greeting", "failure", "hand_over", "silence", "opt_out"])
    expect(accountOf(outcome, empty)).toBe(outcome);
  expect(accountOf("something_new", empty)).toBeUndefined();
  expect(accountOf(null, empty)).toBeUndefined();
});

test("a person was called by a rule, by the model, or for want of money", () => {
  const escalate = {
    rules: 2,
    matched: "human",
    matched_code: { kind: "keyword", keyword: "human" } as const,
    took_ms: 1,
  };
  expect(reasonIn({ ...empty, escalate })?.reason_code).toEqual({ kind: "keyword", keyword: "human" });
  expect(reasonIn({ ...empty, reply: { ...reply, calls_person: true } })?.reason_code).toMatchObject({
    kind: "model",
  });
  expect(reasonIn({ ...empty, reply: { ...reply, budget: "used up" } })?.reason_code).toEqual({
    kind: "budget",
  });
  expect(reasonIn(empty)).toBeUndefined();
});
