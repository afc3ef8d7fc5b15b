// The list's filters in the address, so that a view can be bookmarked and shared.
import { type Search, text } from "@/shell/address";

export type InboxSearch = { show?: string; q?: string; number?: string; trace?: string };

export const inboxSearch = (search: Search): InboxSearch => ({
  show: text(search.show),
  q: text(search.q),
  number: text(search.number),
  trace: text(search.trace),
});
