// The sandbox's conversations, one for each agent. They live as long as the tab; the server stores nothing, so
// every message is sent with its history.
import { useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";
import { whenForgotten } from "@/api/session";
import type { Outcome, Reply, Turn } from "./turn";
import { forgetTurns, keepTurns, keptTurns } from "./turnStorage";

export type EarlierMessage = Schemas["EarlierMessage"];

const all = new Map<string, Turn[]>();
const watchers = new Set<() => void>();

export function turnsOf(agent: string): Turn[] {
  const there = all.get(agent);
  if (there) return there;
  const kept = keptTurns(agent);
  all.set(agent, kept);
  return kept;
}

// The next person at this browser must not read them.
whenForgotten(() => {
  for (const agent of all.keys()) show(agent, []);
  all.clear();
  forgetTurns();
});

export function setTurns(agent: string, turns: Turn[]) {
  show(agent, turns);
  keepTurns(agent, turns);
}

function show(agent: string, turns: Turn[]) {
  all.set(agent, turns);
  for (const watcher of watchers) watcher();
}

type Patch = (reply: Reply) => Partial<Reply>;

function patched(agent: string, id: string, at: number, patch: Patch): Turn[] {
  const change = (reply: Reply, index: number) => (index === at ? { ...reply, ...patch(reply) } : reply);
  return turnsOf(agent).map((turn) =>
    turn.id === id ? { ...turn, replies: turn.replies.map(change) } : turn,
  );
}

/** Updates one reply. */
export function patchReply(agent: string, id: string, at: number, patch: Patch) {
  setTurns(agent, patched(agent, id, at, patch));
}

/** Adds words to a reply that is being written. They are kept once it ends. */
export function growReply(agent: string, id: string, at: number, words: string) {
  show(
    agent,
    patched(agent, id, at, ({ text }) => ({ text: text + words })),
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

/** What was heard in a voice note; undefined when there was none. */
export function heardIn(reply: Reply | undefined): string | undefined {
  const heard = reply?.outcome?.trace.transcribe;
  return heard && heard.notes.length > 0 ? heard.question : undefined;
}

/** The customer's text in a turn; for a voice note, its transcript. */
export function saidIn(turn: Turn, reply: Reply | undefined): string {
  return heardIn(reply) || turn.text;
}

// As in a customer's history, what announces a person or confirms an opt-out is no part of the conversation.
const automatic = new Set<string>(["hand_over", "opt_out", "opt_in"] satisfies Outcome["outcome"][]);

/**
 * The history that a side gets for a turn: everything before it, or the whole conversation without `before`.
 * Replies that did not complete are left out; where the side was not asked, the first side's reply is used.
 */
export function historyFor(turns: Turn[], at: number, before?: string): EarlierMessage[] {
  const lines: EarlierMessage[] = [];
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
