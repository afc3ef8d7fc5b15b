// Server-sent events in the response to a POST, which EventSource cannot read.
import { Failure, failure, headers, type Schemas } from "./client";

export type StreamEvent = { event: string; data: string };

/** Splits a stream's text into events. `rest` is the incomplete last event. */
export function cut(text: string): { events: StreamEvent[]; rest: string } {
  const blocks = text.replace(/\r\n?/g, "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  const events: StreamEvent[] = [];
  for (const block of blocks) {
    let event = "message";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at === 0) continue;
      const [field, value] = at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")];
      if (field === "event") event = value;
      if (field === "data") data.push(value);
    }
    if (data.length > 0) events.push({ event, data: data.join("\n") });
  }
  return { events, rest };
}

/** Posts `body` and yields the events of the response one by one. Throws a `Failure` for an error response. */
async function* stream(path: string, body: object, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  const form = body instanceof FormData;
  const response = await fetch(path, {
    method: "POST",
    signal,
    headers: {
      ...headers(),
      Accept: "text/event-stream",
      ...(form ? {} : { "Content-Type": "application/json" }),
    },
    body: form ? body : JSON.stringify(body),
  });
  if (!response.ok || !response.body) throw await failure(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const { events, rest } = cut(text + value);
      text = rest;
      yield* events;
    }
  } finally {
    // A caller that stops reading early cancels the request.
    void reader.cancel().catch(() => {});
  }
}

/** One turn of the sandbox: pieces of its answer as they arrive, then its outcome. */
export async function* answering(
  body: Schemas["SandboxMessage"] | FormData,
  signal: AbortSignal,
): AsyncGenerator<string | Schemas["SandboxOutcome"]> {
  for await (const { event, data } of stream("/api/v1/sandbox/turns", body, signal)) {
    if (event === "error") throw new Failure(500, data);
    if (event === "text" || event === "done") yield JSON.parse(data);
  }
}
