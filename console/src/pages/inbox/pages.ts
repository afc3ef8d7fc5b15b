// Keeps pages of conversations in order while single conversations change, so that the list is not read again for each.
import type { Schemas } from "@/api/client";
import type { Pages as PagesOf } from "@/api/pages";
import { belongs, type Conversation, type Filter } from "./filter";

export type Page = Schemas["Page_Conversation"];
export type Pages = PagesOf<Page>;

/** The order of the list: the most recent first. */
function before(one: Conversation, other: Conversation): boolean {
  return one.last_message_at === other.last_message_at
    ? one.id > other.id
    : one.last_message_at > other.last_message_at;
}

function find(pages: Page[], id: string): [page: number, at: number] | undefined {
  for (const [page, { items }] of pages.entries()) {
    const at = items.findIndex((one) => one.id === id);
    if (at >= 0) return [page, at];
  }
  return undefined;
}

/** The pages with other items on one of them; the others stay the same objects. */
function change(pages: Page[], which: number, act: (items: Conversation[]) => void): Page[] {
  return pages.map((page, index) => {
    if (index !== which) return page;
    const items = [...page.items];
    act(items);
    return { ...page, items };
  });
}

function insert(pages: Page[], one: Conversation): Page[] {
  for (const [page, { items }] of pages.entries()) {
    const at = items.findIndex((other) => before(one, other));
    if (at >= 0) return change(pages, page, (list) => list.splice(at, 0, one));
  }
  // Older than all that was read: it comes with its page, if there is one.
  const last = pages.length - 1;
  return pages[last]?.next ? pages : change(pages, last, (list) => list.push(one));
}

/**
 * The pages with a conversation as it is now, at its place. `kept` stays where it is even when it does not belong any more:
 * what someone is reading must not go away under his eyes.
 */
export function merged(data: Pages, one: Conversation, filter: Filter, kept?: string): Pages {
  const place = find(data.pages, one.id);
  const fits = belongs(filter, one);
  if (!place) {
    const pages = fits ? insert(data.pages, one) : data.pages;
    return pages === data.pages ? data : { ...data, pages };
  }
  const [page, at] = place;
  const known = data.pages[page]?.items[at];
  // An answer that was overtaken by a newer one.
  if (known && known.last_message_at > one.last_message_at) return data;
  const stays = fits !== false || one.id === kept;
  if (stays && known?.last_message_at === one.last_message_at)
    return { ...data, pages: change(data.pages, page, (list) => list.splice(at, 1, one)) };
  const without = change(data.pages, page, (list) => list.splice(at, 1));
  return { ...data, pages: stays ? insert(without, one) : without };
}
