// The list's filters: from the address to the API query, and whether a conversation matches.
import type { Schemas } from "@/api/client";
import type { paths } from "@/api/schema";
import { wordsOf } from "@/api/words";
import type { InboxSearch } from "./search";

export type Conversation = Schemas["Conversation"];

type ConversationQuery = NonNullable<paths["/api/v1/conversations"]["get"]["parameters"]["query"]>;
type Owner = Schemas["Owner"];
type StateFilter = "all" | "unread" | NonNullable<ConversationQuery["state"]>;
/** The API query, and the same condition for a single conversation. */
type StateCondition = { query: ConversationQuery; has: (one: Conversation) => boolean };

const isOpen = (one: Conversation) => one.owner === "person" || !!one.open_case;
const standing: Record<StateFilter, StateCondition> = {
  all: { query: {}, has: () => true },
  unread: { query: { unread: true }, has: ({ unread }) => unread > 0 },
  waiting: { query: { state: "waiting" }, has: ({ waiting }) => waiting },
  open: { query: { state: "open" }, has: isOpen },
  resolved: { query: { state: "resolved" }, has: (one) => !isOpen(one) },
};
const ownedBy = (owner: Owner): StateCondition => ({ query: { owner }, has: (one) => one.owner === owner });
const owned: Record<Owner, StateCondition> = {
  person: ownedBy("person"),
  bot: ownedBy("bot"),
  nobody: ownedBy("nobody"),
};
const shows: Record<InboxView, StateCondition> = { ...standing, ...owned };

/** The filters by state and by owner. */
export const standings = wordsOf(standing);
export const owners = wordsOf(owned);

export type InboxView = StateFilter | Owner;
export type Filter = { show: InboxView; q: string; number: string };

/** The server's limit for a search text. */
export const LONGEST_SEARCH = 100;

export function filterOf({ show, q, number }: InboxSearch): Filter {
  return {
    show: wordsOf(shows).find((one) => one === show) ?? "all",
    q: (q ?? "").trim().slice(0, LONGEST_SEARCH),
    number: number ?? "",
  };
}

/** Whether a part of a cache key is a filter. */
export const isFilter = (part: unknown): part is Filter =>
  !!part && typeof part === "object" && "show" in part && "q" in part && "number" in part;

/** Whether nothing is filtered out. */
export function isWhole({ show, q, number }: Filter): boolean {
  return show === "all" && !q && !number;
}

/** The API query of a filter. */
export function asked({ show, q, number }: Filter): ConversationQuery {
  return { ...shows[show].query, number: number || undefined, q: q || undefined };
}

/** Whether a conversation matches. `undefined`: only the server knows, because it also searches older messages. */
export function belongs({ show, q, number }: Filter, one: Conversation): boolean | undefined {
  if (!shows[show].has(one)) return false;
  if (number && number !== one.number_slug && number !== one.number_id) return false;
  if (!q) return true;
  const shown = [one.contact_name, one.last_text];
  return shown.some((text) => text && isFound(text, q)) || isPhone(one, q) || undefined;
}

/** Whether a text contains what is searched for. */
const isFound = (text: string, q: string) => text.toLowerCase().includes(q.toLowerCase());

/** Whether the search is for this customer's phone: as it is dialled from abroad, or with a zero at home. */
export function isPhone({ wa_id }: Pick<Conversation, "wa_id">, q: string): boolean {
  if (!wa_id || !/^[\d +\-().]+$/.test(q)) return false;
  const digits = q.replace("(0)", "").replace(/\D/g, "").replace(/^0+/, "");
  return digits.length >= 3 && wa_id.includes(digits);
}

/** Splits a text at what is searched for. */
export function foundIn(text: string, q: string): { text: string; found: boolean }[] {
  if (!q) return [{ text, found: false }];
  const words = q.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return text
    .split(new RegExp(`(${words})`, "giu"))
    .map((piece, at) => ({ text: piece, found: at % 2 === 1 }))
    .filter((piece) => piece.text);
}
