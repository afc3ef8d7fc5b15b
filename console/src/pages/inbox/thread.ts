// The messages of a conversation: pages backwards in time, into which new messages are merged.
import { queryOptions } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { api, type Schemas } from "@/api/client";
import { first, type Pages, pagesKey, usePages } from "@/api/pages";
import { queries } from "@/api/queries";

export type Message = Schemas["Message"];
type Page = Schemas["Page_Message"];
export type Thread = Pages<Page>;

const PAGE = 50;
const key = (id: string) => ["thread", id] as const;
/** The cache key of the thread. */
const place = (id: string) => pagesKey(key(id));

async function read(id: string, cursor?: string, signal?: AbortSignal): Promise<Page> {
  const { data, error } = await api.GET("/api/v1/conversations/{id}/messages", {
    params: { path: { id }, query: { cursor, limit: PAGE } },
    signal,
  });
  if (error) throw error;
  return data;
}

function later(one: Message, other: Message): number {
  if (one.sent_at !== other.sent_at) return other.sent_at - one.sent_at;
  return one.id < other.id ? 1 : -1;
}

/** The thread updated with these messages. `page` is the newest page, or single messages of it. */
export function joined(thread: Thread, page: Page): Thread {
  const given = new Map(page.items.map((one) => [one.id, one]));
  const known = new Set(thread.pages.flatMap(({ items }) => items.map(({ id }) => id)));
  const fresh = page.items.filter(({ id }) => !known.has(id));
  // There may be a gap between the new messages and the loaded ones: start over.
  if (page.next && known.size > 0 && fresh.length === page.items.length)
    return { pages: [page], pageParams: [undefined] };
  const pages = thread.pages.map((old, index) => {
    const touched = old.items.some(({ id }) => given.has(id));
    if (!touched && !(index === 0 && fresh.length > 0)) return old;
    const items = touched ? old.items.map((one) => given.get(one.id) ?? one) : old.items;
    return { ...old, items: index === 0 ? [...fresh, ...items].sort(later) : items };
  });
  return { ...thread, pages };
}

function join(id: string, page: Page) {
  queries.setQueryData<Thread>(place(id), (thread) => thread && joined(thread, page));
}

/** Puts a message from the server into the thread. */
export function put(id: string, message: Message) {
  join(id, { items: [message], next: null });
}

/** The id of the newest loaded message. Ids increase with time. */
export function newest(id: string): string {
  const thread = queries.getQueryData<Thread>(place(id));
  let last = "";
  for (const one of thread?.pages[0]?.items ?? []) if (one.id > last) last = one.id;
  return last;
}

const flights = new Map<string, Promise<void>>();
const again = new Set<string>();

/** Loads new messages. Calls during a load cause one more load after it. */
export function freshen(id: string): Promise<void> {
  const flying = flights.get(id);
  if (flying) {
    again.add(id);
    return flying;
  }
  const flight = read(id)
    .then((page) => join(id, page))
    .catch(() => undefined)
    .finally(() => {
      flights.delete(id);
      if (again.delete(id)) setTimeout(() => void freshen(id), 200);
    });
  flights.set(id, flight);
  return flight;
}

/** The messages, oldest first, as an infinite query. */
export function useMessages(id: string) {
  const query = usePages(
    (cursor) => ({ queryKey: key(id), queryFn: ({ signal }) => read(id, cursor, signal) }),
    // The live stream triggers reloads.
    { refetchOnWindowFocus: false },
  );
  useEffect(
    () => () => {
      // A conversation that is opened again starts at its newest messages.
      queries.setQueryData<Thread>(place(id), (thread) => thread && first(thread, 1));
    },
    [id],
  );
  const messages = useMemo(() => query.data?.toReversed() ?? [], [query.data]);
  return { query, messages };
}

/** A turn, with its trace. */
export const turnQuery = (id: string) =>
  queryOptions({
    queryKey: ["get", "/api/v1/turns/{id}", id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const { data, error } = await api.GET("/api/v1/turns/{id}", { params: { path: { id } }, signal });
      if (error) throw error;
      return data;
    },
  });
