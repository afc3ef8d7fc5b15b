// A turn's trace: what each stage of the pipeline saw, decided, took and used.
import type { Schemas } from "@/api/client";
import { wordsOf } from "@/api/words";

export type Trace = Schemas["Trace"];

const isTrace = (value: unknown): value is Trace =>
  !!value && typeof value === "object" && "usage" in value && "total_ms" in value;

/** The trace in an untyped value; undefined when it holds none. */
export function asTrace(value: unknown): Trace | undefined {
  return isTrace(value) ? value : undefined;
}

/** The stages of the pipeline, and the calls within them. */
type TimedStage =
  | Exclude<keyof Trace, "usage" | "total_ms" | "offers">
  | "embed"
  | "rewrite"
  | "rerank"
  | "checked";
export type Stage = TimedStage | "rest";
export type StageTime = { stage: Stage; ms: number };

/** The own time of each stage, in order, without negligible ones. They add up to the turn's time. */
export function timings(trace: Trace): StageTime[] {
  const { retrieve, reply } = trace;
  const embed = retrieve?.embed_ms ?? 0;
  const rewrite = retrieve?.rewrite?.took_ms ?? 0;
  const rerank = retrieve?.rerank?.took_ms ?? 0;
  const checked = reply?.checked?.took_ms ?? 0;
  const own: Record<TimedStage, number> = {
    transcribe: trace.transcribe?.took_ms ?? 0,
    escalate: trace.escalate?.took_ms ?? 0,
    curated: trace.curated?.took_ms ?? 0,
    embed,
    rewrite,
    // A stage's time includes its calls.
    retrieve: Math.max(0, (retrieve?.took_ms ?? 0) - embed - rewrite - rerank),
    rerank,
    prompt: trace.prompt?.took_ms ?? 0,
    reply: Math.max(0, (reply?.took_ms ?? 0) - checked),
    checked,
  };
  const known = Object.values(own).reduce((sum, ms) => sum + ms, 0);
  const all: StageTime[] = wordsOf(own).map((stage) => ({ stage, ms: own[stage] }));
  all.push({ stage: "rest", ms: trace.total_ms - known });
  return all.filter(({ ms }) => ms >= 0.05);
}

/** A turn's figures for its one-line summary. */
export function figures(trace: Trace) {
  const { reply, retrieve, usage } = trace;
  const wrong = [
    ...(reply?.errors ?? []),
    ...(trace.transcribe?.notes.map(({ error }) => error) ?? []),
    retrieve?.error,
    retrieve?.rewrite?.error,
    retrieve?.rerank?.error,
    trace.curated?.error,
    reply?.checked?.error,
  ].filter((why): why is string => !!why);
  return {
    model: reply?.model ?? null,
    ms: trace.total_ms,
    input: usage.input_tokens,
    output: usage.output_tokens,
    cost: usage.cost_micros,
    passages: retrieve?.passages.length ?? 0,
    grounded: reply?.checked?.score ?? null,
    wrong,
  };
}
