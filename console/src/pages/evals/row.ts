// What the server calls an object: a row of a run (promptfoo's result and what is known beyond it: src/eval/row.rs, graded.rs),
// the summary of a run, how it compares with its baseline. Read with care: rows of older runs may lack parts.
import type { Schemas } from "@/api/client";
import { wordsOf } from "@/api/words";
import { asTrace, type Trace } from "@/parts/trace/trace";

export type Verdict = Schemas["RowVerdict"];

const counted: Record<Verdict, keyof Schemas["Counts"]> = {
  passed: "passed",
  failed: "failed",
  error: "errors",
  skipped: "skipped",
};
export const verdicts = wordsOf(counted);

export const countOf = (counts: Schemas["Counts"], verdict: Verdict) => counts[counted[verdict]];

type Loose = Record<string, unknown>;

const loose = (value: unknown): Loose =>
  value && typeof value === "object" && !Array.isArray(value) ? { ...value } : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const word = (value: unknown): string | undefined => (typeof value === "string" && value ? value : undefined);

/** Any value as text for people: text as it is, the rest as JSON. */
export function asText(value: unknown): string {
  if (value == null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** One assertion, and what became of it. */
export type Check = {
  type: string;
  metric?: string;
  /** What it wants, as text. */
  wants: string;
  verdict: Verdict;
  score: number;
  reason: string;
  parts: Check[];
};

function readCheck(value: unknown): Check {
  const one = loose(value);
  const assertion = loose(one.assertion);
  const ended: Verdict = word(one.error) ? "error" : word(one.skipped) ? "skipped" : "failed";
  return {
    type: word(assertion.type) ?? "",
    metric: word(assertion.metric),
    wants: asText(assertion.value),
    verdict: one.pass === true ? "passed" : ended,
    score: number(one.score),
    reason: word(one.reason) ?? word(one.error) ?? word(one.skipped) ?? "",
    parts: list(one.componentResults).map(readCheck),
  };
}

/** What our own pipeline did with one turn of the conversation. */
export type SeenTurn = { said: string[]; bubbles: string[]; trace: Trace | undefined };

export type Row = {
  key: string;
  title: string;
  verdict: Verdict;
  score: number;
  /** Why it did not pass, where the row itself says so. */
  why?: string;
  ms: number;
  /** Millionths of a dollar. */
  micros: number;
  tokens: number;
  vars: [name: string, value: string][];
  prompt: string;
  output: string;
  checks: Check[];
  turns: SeenTurn[];
};

const texts = (value: unknown) => list(value).map(asText);

export function readRow(value: unknown): Row {
  const row = loose(value);
  const response = loose(row.response);
  return {
    key: word(row.key) ?? "",
    title: word(row.title) ?? "",
    verdict: verdicts.find((one) => one === row.verdict) ?? "error",
    score: number(row.score),
    why: word(row.error) ?? word(row.skipped),
    ms: number(row.latencyMs),
    micros: number(row.cost) * 1_000_000,
    tokens: number(loose(row.tokenUsage).total),
    vars: Object.entries(loose(row.vars)).map(([name, value]) => [name, asText(value)]),
    prompt: asText(loose(row.prompt).raw),
    output: asText(response.output),
    checks: list(loose(row.gradingResult).componentResults).map(readCheck),
    turns: list(response.turns).map((value) => {
      const { said, bubbles, trace } = loose(value);
      return { said: texts(said), bubbles: texts(bubbles), trace: asTrace(trace) };
    }),
  };
}

export type Summary = {
  /** 0 to 1. */
  score?: number;
  ms: number;
  tokens: number;
  micros: number;
  checksPassed: number;
  checks: number;
  isComplete: boolean;
  description?: string;
};

/** The columns of a run together; undefined while there is no summary. */
export function readSummary(value: unknown): Summary | undefined {
  if (!value) return undefined;
  const summary = loose(value);
  const all = list(summary.prompts).map((column) => loose(loose(column).metrics));
  const sum = (of: (metrics: Loose) => number) => all.reduce((total, metrics) => total + of(metrics), 0);
  const [score, passed, failed] = [
    sum(({ score }) => number(score)),
    sum(({ assertPassCount }) => number(assertPassCount)),
    sum(({ assertFailCount }) => number(assertFailCount)),
  ];
  const tried = sum((it) => number(it.testPassCount) + number(it.testFailCount) + number(it.testErrorCount));
  return {
    score: tried > 0 ? score / tried : undefined,
    ms: number(summary.tookMs),
    tokens:
      sum(({ tokenUsage }) => number(loose(tokenUsage).total)) + number(loose(summary.graderTokens).total),
    // What graders cost is in the columns already.
    micros: sum(({ cost }) => number(cost)) * 1_000_000,
    checksPassed: passed,
    checks: passed + failed,
    isComplete: summary.complete === true,
    description: word(summary.description),
  };
}

export type Changed = { title: string; worse: boolean; before: number; after: number; why: string };

export type Comparison = {
  better: number;
  worse: number;
  same: number;
  added: string[];
  removed: string[];
  changed: Changed[];
  before: number;
  after: number;
  interval: [number, number];
  pWorse: number;
  paired: number;
};

export function readComparison(value: unknown): Comparison | undefined {
  if (!value) return undefined;
  const it = loose(value);
  const [low, high] = list(it.interval).map(number);
  return {
    better: number(it.better),
    worse: number(it.worse),
    same: number(it.same),
    added: texts(it.added),
    removed: texts(it.removed),
    changed: list(it.changed).map((value) => {
      const { title, worse, before, after, why } = loose(value);
      return {
        title: asText(title),
        worse: worse === true,
        before: number(before),
        after: number(after),
        why: asText(why),
      };
    }),
    before: number(it.mean_before),
    after: number(it.mean_after),
    interval: [low ?? 0, high ?? 0],
    pWorse: number(it.p_worse),
    paired: number(it.paired),
  };
}

const active: Record<Schemas["RunState"], boolean> = {
  queued: true,
  running: true,
  stopping: true,
  done: false,
  failed: false,
  stopped: false,
};

/** Whether a run goes on. */
export const isActive = (state: Schemas["RunState"]) => active[state];

/** The ids of the runs that stand beside one, as the address has them: no more than the server compares, none twice. */
export function readBeside(text: string | undefined, id: string): string[] {
  const ids = (text ?? "").split(",").filter((one) => one && one !== id);
  return [...new Set(ids)].slice(0, 5);
}
