// The sandbox's conversations, one for each agent. They live as long as the page; the server stores nothing,
// so every message is sent with its history.
import { useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";

export type Outcome = Schemas["SandboxOutcome"];
export type Earlier = Schemas["EarlierMessage"];
/** Who answers: its label and its prompt file; without a file, the live version. */
export type Side = { name: string; source?: string };
export type Voice = { file: File; url: string };
export type Reply = {
  side: Side;
  state: "writing" | "done" | "failed" | "stopped";
  /** The text received so far. */
  text: string;
  outcome?: Outcome;
  error?: unknown;
  saved?: Schemas["SavedCase"];
};
/** `resolved`: a person resolved the conversation after it. */
export type Turn = { id: string; text: string; voice?: Voice; replies: Reply[]; resolved?: boolean };

const none: Turn[] = [];
const all = new Map<string, Turn[]>();
const watchers = new Set<() => void>();

export function turnsOf(agent: string): Turn[] {
  return all.get(agent) ?? none;
}

export function setTurns(agent: string, turns: Turn[]) {
  all.set(agent, turns);
  for (const watcher of watchers) watcher();
}

/** Updates one reply. */
export function patchReply(agent: string, id: string, at: number, patch: (reply: Reply) => Partial<Reply>) {
  const change = (reply: Reply, index: number) => (index === at ? { ...reply, ...patch(reply) } : reply);
  setTurns(
    agent,
    turnsOf(agent).map((turn) => (turn.id === id ? { ...turn, replies: turn.replies.map(change) } : turn)),
  );
}

export function useTurns(agent: string): Turn[] {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => turnsOf(agent),
  );
}

/** The customer's text in a turn; for a voice note, its transcript. */
export function saidIn(turn: Turn, reply: Reply | undefined): string {
  const heard = turn.voice && reply?.outcome?.trace.transcribe?.question;
  return heard || turn.text;
}

// As in a customer's history, what announces a person or confirms an opt-out is no part of the conversation.
const automatic = new Set<string>(["hand_over", "opt_out", "opt_in"] satisfies Outcome["outcome"][]);

/**
 * The history that a side gets for a turn: everything before it, or the whole conversation without `before`.
 * Replies that did not complete are left out; where the side was not asked, the first side's reply is used.
 */
export function historyFor(turns: Turn[], at: number, before?: string): Earlier[] {
  const lines: Earlier[] = [];
  for (const turn of until(turns, before)) {
    const reply = turn.replies[at] ?? turn.replies[0];
    if (reply?.state !== "done" || !reply.outcome) continue;
    const said = saidIn(turn, reply);
    if (said) lines.push({ speaker: "customer", text: said });
    if (reply.outcome.bubbles.length > 0 && !automatic.has(reply.outcome.outcome))
      lines.push({ speaker: "bot", text: reply.outcome.bubbles.join("\n") });
  }
  return lines;
}

function until(turns: Turn[], before: string | undefined): Turn[] {
  const end = before ? turns.findIndex(({ id }) => id === before) : turns.length;
  return turns.slice(0, end < 0 ? turns.length : end);
}

/** The state of a side's conversation before a turn, and whether a person resolved it since. */
export function stateFor(turns: Turn[], at: number, before?: string) {
  let state: string | undefined;
  let resolve = false;
  for (const turn of until(turns, before)) {
    const outcome = (turn.replies[at] ?? turn.replies[0])?.outcome;
    if (outcome) {
      state = outcome.state;
      resolve = false;
    }
    resolve ||= !!turn.resolved;
  }
  return { state, resolve };
}

/** Why the bot is silent from now on, on any side. */
export function silentAfter(turns: Turn[]): "person" | "optedOut" | undefined {
  const last = turns.findLast(({ replies }) => replies.some(({ outcome }) => outcome));
  const outcomes = last?.replies.flatMap(({ outcome }) => outcome ?? []) ?? [];
  if (outcomes.some((outcome) => outcome.opted_out)) return "optedOut";
  const resolved = turns.slice(last ? turns.indexOf(last) : 0).some((turn) => turn.resolved);
  return !resolved && outcomes.some(({ owner }) => owner === "person") ? "person" : undefined;
}
