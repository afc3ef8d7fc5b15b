// Derived from messages: reactions, file addresses, previews, and untyped provider data (forms, orders).
import type { Schemas } from "@/api/client";
import { plain } from "@/parts/whatsapp";
import type { Message } from "./thread";

/** The fields of a submitted form. */
export function answersOf(response: unknown): [name: string, value: string][] {
  if (!response || typeof response !== "object" || Array.isArray(response)) return [];
  return Object.entries(response)
    .filter(([key, value]) => key !== "flow_token" && value !== null && typeof value !== "object")
    .map(([key, value]) => [key, String(value)]);
}

/** The number of items in an order. */
export function thingsIn(order: unknown): number {
  const things = order && typeof order === "object" && "product_items" in order && order.product_items;
  return Array.isArray(things) ? things.length : 0;
}

/** Kinds that are events rather than speech: shown as one line in the middle. */
const events: Record<Schemas["MessageKind"], boolean> = {
  text: false,
  image: false,
  voice: false,
  audio: false,
  video: false,
  document: false,
  sticker: false,
  location: false,
  contacts: false,
  choice: false,
  form: false,
  order: false,
  unsupported: false,
  unknown: false,
  system: true,
  welcome: true,
  revoked: true,
  edited: true,
  call_permission: true,
  reaction: true,
};
export const isEvent = (message: Message) => events[message.kind];

/**
 * `on`: reactions by the provider's id of the message they are on; `shown`: ids of the reaction messages among them.
 */
export function reactions(messages: readonly Message[]) {
  const there = new Set(messages.map(({ provider_id }) => provider_id));
  const latest = new Map<string, Map<Schemas["Author"], string>>();
  const shown = new Set<string>();
  for (const { id, author, content } of messages) {
    if (content.type !== "reaction" || !there.has(content.message_id)) continue;
    shown.add(id);
    const of = latest.get(content.message_id) ?? new Map<Schemas["Author"], string>();
    latest.set(content.message_id, of.set(author, content.emoji ?? ""));
  }
  const on = new Map<string, string>();
  for (const [target, of] of latest) {
    const all = [...of.values()].filter(Boolean).join(" ");
    if (all) on.set(target, all);
  }
  return { on, shown };
}

export const fileOf = (message: Message) => `/api/v1/messages/${encodeURIComponent(message.id)}/media`;
export const recordingOf = (message: Message) =>
  `/api/v1/messages/${encodeURIComponent(message.id)}/recording`;

/** A preview of a message, for quotes. */
export function gist({ transcript, text, content }: Message): string {
  return plain((transcript ?? text ?? (content.type === "choice" ? content.title : "")).slice(0, 200));
}
