// Which conversations the list shows: from the address to what the server is asked, and whether one belongs to it.
import type { Schemas } from "@/api/client";
import type { paths } from "@/api/schema";
import type { InboxSearch } from "./search";

export type Conversation = Schemas["Conversation"];

type Asked = NonNullable<paths["/api/v1/conversations"]["get"]["parameters"]["query"]>;
type Owner = Schemas["Owner"];
type Standing = "all" | "unread" | NonNullable<Asked["state"]>;

/** What can be shown, by what is being done about it and by who has it. */
export const standings = ["all", "unread", "waiting", "open", "resolved"] satisfies Standing[];
export const owners = ["person", "bot", "nobody"] satisfies Owner[];

export type Show = Standing | Owner;
export type Filter = { show: Show; q: string; number: string };

const known: Show[] = [...standings, ...owners];

/** The server takes no longer search. */
export const LONGEST_SEARCH = 100;

export function filterOf({ show, q, number }: InboxSearch): Filter {
  return {
    show: known.find((one) => one === show) ?? "all",
    q: (q ?? "").trim().slice(0, LONGEST_SEARCH),
    number: number ?? "",
  };
}

/** Whether everything is shown. */
export function isWhole({ show, q, number }: Filter): boolean {
  return show === "all" && !q && !number;
}

/** What the server is asked for. */
export function asked({ show, q, number }: Filter): Asked {
  const rest = { number: number || undefined, q: q || undefined };
  switch (show) {
    case "all":
      return rest;
    case "unread":
      return { ...rest, unread: true };
    case "waiting":
    case "open":
    case "resolved":
      return { ...rest, state: show };
    case "person":
    case "bot":
    case "nobody":
      return { ...rest, owner: show };
  }
}

function stands(show: Show, one: Conversation): boolean {
  const open = one.owner === "person" || !!one.open_case;
  switch (show) {
    case "all":
      return true;
    case "unread":
      return one.unread > 0;
    case "waiting":
      return one.waiting;
    case "open":
      return open;
    case "resolved":
      return !open;
    default:
      return one.owner === show;
  }
}

/** Whether a conversation is shown. `undefined`: only the server can tell, for it searches in older messages too. */
export function belongs({ show, q, number }: Filter, one: Conversation): boolean | undefined {
  if (!stands(show, one)) return false;
  if (number && number !== one.number_slug && number !== one.number_id) return false;
  if (!q) return true;
  const words = q.toLowerCase();
  const shown = [one.contact_name, one.wa_id, one.last_text];
  return shown.some((text) => text?.toLowerCase().includes(words)) || undefined;
}
