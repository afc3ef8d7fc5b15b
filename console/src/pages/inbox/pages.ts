// Updates cached pages of conversations in place, so that a change does not reload the list.
import type { Schemas } from "@/api/client";
import type { Pages as PagesOf } from "@/api/pages";
import { belongs, type Conversation, type Filter } from "./filter";

export type Page = Schemas["Page_Conversation"];
export type Pages = PagesOf<Page>;

/** The list's order: most recent first. */
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

/** The pages with the items of one page changed; the other pages stay the same objects. */
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
  // Older than everything loaded: it arrives with its own page, if there is one.
  const last = pages.length - 1;
  return pages[last]?.next ? pages : change(pages, last, (list) => list.push(one));
}

/** The pages without this conversation. */
export function without(data: Pages, id: string): Pages {
  const place = find(data.pages, id);
  return place
    ? { ...data, pages: change(data.pages, place[0], (items) => items.splice(place[1], 1)) }
    : data;
}

/**
 * The pages with an updated conversation at its place. `kept`: the id of the open one, which stays even when
 * it no longer matches, so that it does not vanish while someone reads it.
 */
export function merged(data: Pages, changed: Conversation, filter: Filter, kept?: string): Pages {
  const place = find(data.pages, changed.id);
  // Only a search says what it found.
  const found_text = changed.found_text ?? (place && data.pages[place[0]]?.items[place[1]]?.found_text);
  const one = { ...changed, found_text };
  const fits = belongs(filter, one);
  if (!place) {
    const pages = fits ? insert(data.pages, one) : data.pages;
    return pages === data.pages ? data : { ...data, pages };
  }
  const [page, at] = place;
  const known = data.pages[page]?.items[at];
  // A response that a newer one has overtaken.
  if (known && known.updated_at > one.updated_at) return data;
  const stays = fits !== false || one.id === kept;
  if (stays && known?.last_message_at === one.last_message_at)
    return { ...data, pages: change(data.pages, page, (list) => list.splice(at, 1, one)) };
  const without = change(data.pages, page, (list) => list.splice(at, 1));
  return { ...data, pages: stays ? insert(without, one) : without };
}
