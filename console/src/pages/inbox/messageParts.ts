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

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  !!value && typeof value === "object" && !Array.isArray(value);
const fieldsIn = (value: unknown) => (Array.isArray(value) ? value.filter(isFields) : []);
const textOf = (value: unknown) =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

/** A number, also one that is written as text. */
function numberOf(value: unknown): number | undefined {
  const read = typeof value === "string" && value ? Number(value) : value;
  return typeof read === "number" && Number.isFinite(read) ? read : undefined;
}

export type OrderItem = { product: string; quantity: number; price?: number; currency: string };

/** The items of an order. */
export function itemsOf(order: unknown): OrderItem[] {
  return fieldsIn(isFields(order) ? order.product_items : undefined).map((item) => ({
    product: textOf(item.product_retailer_id),
    quantity: numberOf(item.quantity) ?? 1,
    price: numberOf(item.item_price),
    currency: textOf(item.currency),
  }));
}

/** What all items cost together; undefined if a price is missing or the currencies differ. */
export function totalOf(items: readonly OrderItem[]): { amount: number; currency: string } | undefined {
  const currency = items[0]?.currency;
  let amount = 0;
  for (const item of items) {
    if (item.price === undefined || item.currency !== currency) return undefined;
    amount += item.price * item.quantity;
  }
  return currency === undefined ? undefined : { amount, currency };
}

export type Card = { name: string; phones: string[]; emails: string[] };

/** The address cards of a message. */
export function cardsOf({ names, cards }: { names: string[]; cards: unknown }): Card[] {
  const read = fieldsIn(cards).map((card): Card => {
    const name = isFields(card.name) ? card.name : {};
    const waId = (phone: Fields) => (textOf(phone.wa_id) ? `+${textOf(phone.wa_id)}` : "");
    return {
      name: textOf(name.formatted_name) || textOf(name.first_name),
      phones: fieldsIn(card.phones).map((phone) => textOf(phone.phone) || waId(phone)),
      emails: fieldsIn(card.emails).map(({ email }) => textOf(email)),
    };
  });
  if (read.length === 0) return names.map((name) => ({ name, phones: [], emails: [] }));
  return read.map((card) => ({
    ...card,
    phones: card.phones.filter(Boolean),
    emails: card.emails.filter(Boolean),
  }));
}

/** A whole mail address, of characters that mean nothing of their own in a link. */
const mailAddress = /^[\p{L}\p{M}\p{N}_.'+-]{1,64}@[\p{L}\p{M}\p{N}-]+(?:\.[\p{L}\p{M}\p{N}-]+)+$/u;

/** A card's phones and mail addresses. What is neither has no `href`: a mail link may carry a text of its own. */
export function linksOf({ phones, emails }: Card): { text: string; href?: string }[] {
  const call = (phone: string) => (/\d/.test(phone) ? `tel:${phone.replace(/[^\d+]/g, "")}` : undefined);
  const mail = (email: string) => (mailAddress.test(email) ? `mailto:${email}` : undefined);
  return [
    ...phones.map((text) => ({ text, href: call(text) })),
    ...emails.map((text) => ({ text, href: mail(text) })),
  ];
}

/** Kinds that are events rather than speech: shown as one line in the middle. */
const events: Record<Schemas["MessageKind"], boolean> = {
  text: false,
  image: false,
  voice: false,
  audio: false,
  video: false,
  document: false,
  template: false,
  choices: false,
  link: false,
  products: false,
  flow: false,
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
/** Deleted by its author. An older server says nothing of that. */
export const isDeleted = ({ deleted_at }: Message) => typeof deleted_at === "number";
export const isEvent = (message: Message) => events[message.kind] && !isDeleted(message);

/**
 * `on`: reactions by the provider's id of the message they are on; `own`: the business's among them; `shown`: ids of the
 * reaction messages among them.
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
  const own = new Map<string, string>();
  for (const [target, of] of latest) {
    const ours = of.get("person");
    if (ours) own.set(target, ours);
    const all = [...of.values()].filter(Boolean).join(" ");
    if (all) on.set(target, all);
  }
  return { on, own, shown };
}

export const fileOf = (message: Message) => `/api/v1/messages/${encodeURIComponent(message.id)}/media`;
export const recordingOf = (message: Message) =>
  `/api/v1/messages/${encodeURIComponent(message.id)}/recording`;

/** A preview of a message, for quotes. A file without words is known by its name. */
export function gist({ transcript, text, content, media }: Message): string {
  const words = transcript ?? text ?? (content.type === "choice" ? content.title : undefined);
  return words === undefined ? (media?.name ?? "") : plain(words.slice(0, 200));
}

/** A longer text is folded, in characters and in lines. */
const LONG = 1_500;
const LINES = 30;

/** The beginning of a long text, up to the end of a word; undefined if the text is short. */
export function beginning(text: string): string | undefined {
  const lines = text.split("\n", LINES + 1);
  if (text.length <= LONG && lines.length <= LINES) return undefined;
  const shown = lines.slice(0, LINES).join("\n");
  if (shown.length <= LONG) return shown;
  const cut = shown.slice(0, LONG);
  // Text without spaces, such as Chinese, is cut anywhere.
  const word = cut.slice(LONG - 100).search(/\s\S*$/);
  return (word < 0 ? cut : cut.slice(0, LONG - 100 + word)).replace(/[\uD800-\uDBFF]$/, "");
}
