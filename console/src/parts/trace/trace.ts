// A turn's trace: what each stage of the pipeline saw, decided, took and used. The shape is the server's src/domain/trace.rs;
// its document calls it an object.

export type Usage = { input_tokens: number; output_tokens: number; cost_micros: number };
export type Cited = { mark: number; title: string; source: string; heading: string; place?: string };
export type Heard = {
  language?: string | null;
  confidence?: number | null;
  seconds?: number | null;
  by?: string;
};
export type Note = {
  message: string | null;
  transcript: string | null;
  heard?: Heard | null;
  error: string | null;
};
export type Scores = {
  fused: number;
  dense: number | null;
  bm25: number | null;
  ngram: number | null;
  rerank?: number | null;
  coverage: number;
};
export type Passage = {
  chunk: {
    id: string;
    document: string;
    source: string;
    title: string;
    heading: string;
    body: string;
    place?: string;
  };
  scores: Scores;
};
export type How = "asked" | "context" | "before" | "rewritten" | "translated";
export type Verdict = {
  text: string;
  supported: boolean;
  score: number | null;
  passage: number | null;
  cited: number[];
  why: string;
};
export type Checked = {
  verdicts: Verdict[];
  score: number;
  threshold: number;
  action: string;
  embedder: string | null;
  judge: string | null;
  error: string | null;
  took_ms: number;
};
export type Nearest = { answer: string; phrasing: string; score: number; threshold: number };

export type Trace = {
  transcribe: {
    question: string;
    language: string | null;
    notes: Note[];
    /** How long the whole was, in bytes, where only its beginning was read. */
    whole_bytes?: number;
    took_ms: number;
  } | null;
  escalate: { rules: number; matched: string | null; took_ms: number } | null;
  curated?: {
    answers: number;
    nearest: Nearest | null;
    refused: string | null;
    error: string | null;
    took_ms: number;
  } | null;
  retrieve: {
    query: string;
    language?: string | null;
    searched?: { text: string; how: How; weight: number; confidence: number }[];
    rewrite?: { model: string; raw: string; error: string | null; usage: Usage; took_ms: number } | null;
    rerank?: { by: string; passages: number; error: string | null; took_ms: number } | null;
    embedder: string | null;
    passages: Passage[];
    confidence: number;
    error: string | null;
    took_ms: number;
    embed_ms: number;
  } | null;
  prompt: {
    messages: { role: "system" | "user" | "assistant"; content: string }[];
    tokens: number;
    budget: number;
    dropped_history: number;
    dropped_passages: number;
    took_ms: number;
  } | null;
  reply: {
    model: string;
    raw: string;
    repairs: string[];
    errors: string[];
    citations?: Cited[];
    checked?: Checked | null;
    budget?: string | null;
    took_ms: number;
  } | null;
  usage: Usage;
  total_ms: number;
};

/** The trace in what the server sent, or nothing where there is none. */
export function asTrace(value: unknown): Trace | undefined {
  return value && typeof value === "object" && "usage" in value && "total_ms" in value
    ? (value as Trace)
    : undefined;
}

export const stages = [
  "transcribe",
  "escalate",
  "curated",
  "embed",
  "rewrite",
  "retrieve",
  "rerank",
  "prompt",
  "reply",
  "checked",
  "rest",
] as const;
export type Stage = (typeof stages)[number];
export type Took = { stage: Stage; ms: number };

/** How long each stage took by itself, in their order, without those that took nothing worth a place. Together: the turn. */
export function timings(trace: Trace): Took[] {
  const { retrieve, reply } = trace;
  const embed = retrieve?.embed_ms ?? 0;
  const rewrite = retrieve?.rewrite?.took_ms ?? 0;
  const rerank = retrieve?.rerank?.took_ms ?? 0;
  const checked = reply?.checked?.took_ms ?? 0;
  const own: Record<Exclude<Stage, "rest">, number> = {
    transcribe: trace.transcribe?.took_ms ?? 0,
    escalate: trace.escalate?.took_ms ?? 0,
    curated: trace.curated?.took_ms ?? 0,
    embed,
    rewrite,
    // What a stage calls is within its time.
    retrieve: Math.max(0, (retrieve?.took_ms ?? 0) - embed - rewrite - rerank),
    rerank,
    prompt: trace.prompt?.took_ms ?? 0,
    reply: Math.max(0, (reply?.took_ms ?? 0) - checked),
    checked,
  };
  const known = Object.values(own).reduce((sum, ms) => sum + ms, 0);
  const all: Took[] = stages.map((stage) => ({
    stage,
    ms: stage === "rest" ? Math.max(0, trace.total_ms - known) : own[stage],
  }));
  return all.filter(({ ms }) => ms >= 0.05);
}

/** What is worth saying of a turn in one line. */
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
