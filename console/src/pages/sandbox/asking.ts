// Asks the agent, or both sides of a comparison, and stores their replies as they arrive.
import { Failure, type Schemas } from "@/api/client";
import { answering } from "@/api/stream";
import { growReply, historyFor, patchReply, setTurns, stateFor, turnsOf } from "./conversation";
import { fileOf } from "./sides";
import type { Side, Turn, Voice } from "./turn";

const running = new Map<string, AbortController>();
let count = 0;

/** Sends a message to all sides. */
export function send(agent: string, sides: Side[], text: string, voice?: Voice) {
  count += 1;
  const turn: Turn = {
    id: `turn${count}`,
    text,
    voice,
    replies: sides.map((side) => ({ side, state: "writing", text: "" })),
  };
  setTurns(agent, [...turnsOf(agent), turn]);
  sides.forEach((_, at) => void ask(agent, turn.id, at));
}

/** The position of a reply: its agent, turn and side. */
export type Position = { agent: string; id: string; side: number };

/** Asks one side again. */
export function again({ agent, id, side: at }: Position) {
  patchReply(agent, id, at, () => ({ state: "writing", text: "", error: undefined, outcome: undefined }));
  void ask(agent, id, at);
}

/** Stops all running replies of an agent. */
export function stop(agent: string) {
  for (const [key, controller] of running) if (key.startsWith(`${agent} `)) controller.abort();
}

/** Resolves the conversation, as a person does after a hand-off: the bot answers the next message. */
export function resolve(agent: string) {
  const turns = turnsOf(agent);
  setTurns(agent, [...turns.slice(0, -1), ...turns.slice(-1).map((turn) => ({ ...turn, resolved: true }))]);
}

/** Starts a new conversation. */
export function clear(agent: string) {
  stop(agent);
  for (const { voice } of turnsOf(agent)) if (voice) URL.revokeObjectURL(voice.url);
  setTurns(agent, []);
}

async function request(
  agent: string,
  id: string,
  at: number,
): Promise<FormData | Schemas["SandboxMessage"] | undefined> {
  const turns = turnsOf(agent);
  const turn = turns.find((one) => one.id === id);
  const side = turn?.replies[at]?.side;
  if (!turn || !side) return;
  const body = {
    agent,
    text: turn.text,
    history: historyFor(turns, at, id),
    prompt: await fileOf(side),
    ...stateFor(turns, at, id),
  };
  if (!turn.voice) return body;
  const form = new FormData();
  form.set("request", JSON.stringify(body));
  form.set("recording", turn.voice.file);
  return form;
}

async function ask(agent: string, id: string, at: number) {
  const key = `${agent} ${id} ${at}`;
  const controller = new AbortController();
  running.set(key, controller);
  try {
    const body = await request(agent, id, at);
    if (!body) return;
    for await (const told of answering(body, controller.signal)) {
      if (typeof told !== "string") {
        patchReply(agent, id, at, () => ({ state: "done", outcome: told, text: told.bubbles.join("\n\n") }));
        return;
      }
      growReply(agent, id, at, told);
    }
    // The stream ended before the outcome arrived.
    throw new Failure(0, "");
  } catch (error) {
    if (controller.signal.aborted) patchReply(agent, id, at, () => ({ state: "stopped" }));
    else
      patchReply(agent, id, at, () => ({
        state: "failed",
        error: error instanceof Failure ? error : new Failure(0, ""),
      }));
  } finally {
    if (running.get(key) === controller) running.delete(key);
  }
}
