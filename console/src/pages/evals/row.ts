// Reads eval rows: values that the OpenAPI document leaves untyped become text, and the summary's columns
// become totals.
import type { Schemas } from "@/api/client";
import { wordsOf } from "@/api/words";

export type Verdict = Schemas["RowVerdict"];

const counted: Record<Verdict, keyof Schemas["Counts"]> = {
  passed: "passed",
  failed: "failed",
  error: "errors",
  skipped: "skipped",
};
export const verdicts = wordsOf(counted);

export const countOf = (counts: Schemas["Counts"], verdict: Verdict) => counts[counted[verdict]];

/** A value as readable text: strings unchanged, anything else as JSON. */
export function asText(value: unknown): string {
  if (value == null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** An untyped value as an object. */
const loose = (value: unknown): Record<string, unknown> =>
  value && typeof value === "object" ? { ...value } : {};

type Row = Schemas["RowView"];

/** The prompt of a row. */
export const askedOf = (row: Row) => asText(loose(row.prompt).raw);
/** The output of a row. */
export const outputOf = (row: Row) => asText(row.response?.output);

/** One assertion with its result. */
export function checkOf({ assertion, pass, error, skipped, ...found }: Schemas["AssertionResult"]) {
  const { type, metric, value } = loose(assertion);
  const ended = error ? "error" : skipped ? "skipped" : "failed";
  const verdict: Verdict = pass ? "passed" : ended;
  return {
    type: asText(type),
    metric: asText(metric),
    /** The expected value. */
    wants: asText(value),
    verdict,
    score: found.score ?? 0,
    reason: found.reason || error || skipped,
    parts: found.componentResults ?? [],
  };
}

/** Totals over all columns of a run. */
export function summed({ prompts = [], graderTokens }: Schemas["RunSummary"]) {
  type Metrics = Schemas["RunMetrics"];
  const sum = (of: (metrics: Metrics) => (number | undefined)[]) =>
    prompts.flatMap(({ metrics }) => of(metrics ?? {})).reduce<number>((all, one) => all + (one ?? 0), 0);
  const checksPassed = sum((it) => [it.assertPassCount]);
  const tried = sum((it) => [it.testPassCount, it.testFailCount, it.testErrorCount]);
  return {
    /** From 0 to 1. */
    score: tried > 0 ? sum((it) => [it.score]) / tried : undefined,
    tokens: sum((it) => [it.tokenUsage?.total]) + (graderTokens?.total ?? 0),
    /** Millionths of a dollar. The columns include the graders' cost. */
    micros: sum((it) => [it.cost]) * 1_000_000,
    checksPassed,
    checks: checksPassed + sum((it) => [it.assertFailCount]),
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

/** Whether the run has not ended yet. */
export const isActive = (state: Schemas["RunState"]) => active[state];

/** Whether the scores can be accepted: of the live version, on every case of its suite, without errors. */
export function isAcceptable({ state, wanted, counts }: Pick<Schemas["Run"], "state" | "wanted" | "counts">) {
  if (state !== "done" || !wanted || counts?.errors !== 0) return false;
  const { first, sample, pattern, failing, prompt, grader, metadata = [] } = wanted;
  const narrowed = [first, sample, pattern, failing, prompt, grader];
  return narrowed.every((one) => one == null) && metadata.length === 0;
}

/** Whether a run was compared with accepted scores, which are a file; else with an earlier run. */
export const isAgainstAccepted = ({ wanted }: Pick<Schemas["Run"], "wanted">) =>
  !!wanted?.baseline && !wanted.baseline.startsWith("run_");

/** The ids of the compared runs from the address, without duplicates, up to the server's limit. */
export function readBeside(text: string | undefined, id: string): string[] {
  const ids = (text ?? "").split(",").filter((one) => one && one !== id);
  return [...new Set(ids)].slice(0, 5);
}
