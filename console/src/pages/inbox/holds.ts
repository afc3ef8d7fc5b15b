// What a message's content holds, by the server's src/domain/message.rs; its document calls it any value.
import type { Message } from "./thread";

type Known = {
  kind?: unknown;
  latitude?: unknown;
  longitude?: unknown;
  name?: unknown;
  address?: unknown;
  names?: unknown;
  title?: unknown;
  body?: unknown;
  response?: unknown;
  message_id?: unknown;
  emoji?: unknown;
  order?: unknown;
  original?: unknown;
  content?: unknown;
  caption?: unknown;
};

const word = (value: unknown) => (typeof value === "string" && value ? value : undefined);
const record = (value: unknown): Record<string, unknown> =>
  value && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

export type Place = { latitude: number; longitude: number; name?: string; address?: string };

/** What is in a message beside its words. */
export function holds(message: Message) {
  const known: Known = record(message.content);
  const { latitude, longitude } = known;
  return {
    /** What the provider calls it, where we cannot show it. */
    sort: word(known.kind),
    place:
      typeof latitude === "number" && typeof longitude === "number"
        ? { latitude, longitude, name: word(known.name), address: word(known.address) }
        : undefined,
    names: Array.isArray(known.names) ? known.names.filter((name) => typeof name === "string") : [],
    title: word(known.title),
    /** The answers of a form. */
    answers: Object.entries(record(known.response))
      .filter(([key, value]) => key !== "flow_token" && value !== null && typeof value !== "object")
      .map(([key, value]) => [key, String(value)] as const),
    /** How many things are in a basket. */
    things: (record(known.order).product_items as unknown[] | undefined)?.length ?? 0,
    emoji: word(known.emoji),
    target: word(known.message_id),
    original: word(known.original),
    changed: word(record(known.content).body) ?? word(record(known.content).caption),
    notice: word(known.body),
  };
}

/** Kinds that are no speech: said in one line in the middle. */
const events = new Set(["system", "welcome", "revoked", "edited", "call_permission", "reaction"]);
export const isEvent = (message: Message) => events.has(message.kind);

/** The reactions by the provider's id of what they were put on, and which of the messages are shown that way. */
export function reactions(messages: readonly Message[]) {
  const there = new Set(messages.map(({ provider_id }) => provider_id));
  const latest = new Map<string, Map<string, string | undefined>>();
  const shown = new Set<string>();
  for (const message of messages) {
    if (message.kind !== "reaction") continue;
    const { target, emoji } = holds(message);
    if (!target || !there.has(target)) continue;
    shown.add(message.id);
    const of = latest.get(target) ?? new Map<string, string | undefined>();
    latest.set(target, of.set(message.author, emoji));
  }
  const on = new Map<string, string>();
  for (const [target, of] of latest) {
    const all = [...of.values()].filter(Boolean).join(" ");
    if (all) on.set(target, all);
  }
  return { on, shown };
}

/** Whether there is a file of that kind to be fetched. */
export const fileOf = (message: Message) => `/api/v1/messages/${encodeURIComponent(message.id)}/media`;
export const recordingOf = (message: Message) =>
  `/api/v1/messages/${encodeURIComponent(message.id)}/recording`;

/** The beginning of a message, for where it is quoted. */
export function gist(message: Message): string {
  return (message.transcript ?? message.text ?? holds(message).title ?? "").slice(0, 200);
}

export type Heard = { language?: string; confidence?: number; seconds?: number; corrected_at?: number };

/** How the words of a recording came to be known. */
export function heardOf(message: Message): Heard {
  const { language, confidence, seconds, corrected_at } = record(message.heard);
  const number = (value: unknown) => (typeof value === "number" ? value : undefined);
  return {
    language: word(language),
    confidence: number(confidence),
    seconds: number(seconds),
    corrected_at: number(corrected_at),
  };
}
