import { expect, test } from "vitest";
import { asTrace, figures, type Trace, timings } from "./trace";

const empty: Trace = {
  transcribe: null,
  escalate: null,
  retrieve: null,
  prompt: null,
  reply: null,
  usage: { input_tokens: 0, output_tokens: 0, cost_micros: 0 },
  total_ms: 0,
};

const whole: Trace = {
  ...empty,
  transcribe: { question: "Hi", language: null, notes: [], took_ms: 10 },
  retrieve: {
    query: "Hi",
    searched: [],
    embedder: "e5",
    passages: [],
    confidence: 0.5,
    error: "the embedder does not answer",
    took_ms: 50,
    embed_ms: 30,
    rerank: { by: "bge", passages: 5, error: null, took_ms: 5 },
  },
  reply: {
    model: "m",
    raw: "",
    calls_person: false,
    repairs: [],
    errors: ["429"],
    citations: [],
    took_ms: 100,
    checked: {
      verdicts: [],
      score: 0.8,
      threshold: 0.5,
      hold_below: 0.02,
      action: "",
      embedder: null,
      judge: null,
      error: null,
      took_ms: 20,
    },
  },
  total_ms: 170,
};

test("the stages' own times add up to the turn", () => {
  const took = timings(whole);
  expect(took).toEqual([
    { stage: "transcribe", ms: 10 },
    { stage: "embed", ms: 30 },
    { stage: "retrieve", ms: 15 },
    { stage: "rerank", ms: 5 },
    { stage: "reply", ms: 80 },
    { stage: "checked", ms: 20 },
    { stage: "rest", ms: 10 },
  ]);
  expect(took.reduce((sum, { ms }) => sum + ms, 0)).toBe(whole.total_ms);
});

test("a turn that no stage ran in has no times", () => {
  expect(timings(empty)).toEqual([]);
  expect(figures(empty)).toMatchObject({ model: null, passages: 0, grounded: null, wrong: [] });
});

test("what went wrong anywhere is told", () => {
  expect(figures(whole).wrong).toEqual(["429", "the embedder does not answer"]);
});

test("only a trace is taken for one", () => {
  expect(asTrace(null)).toBeUndefined();
  expect(asTrace({})).toBeUndefined();
  expect(asTrace(empty)).toBe(empty);
});
