// The cached list of conversations: loaded by pages, updated by single conversations.
import { hashKey, keepPreviousData } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { $api, api } from "@/api/client";
import { useLive } from "@/api/live";
import { first, pages, pagesKey, usePages } from "@/api/pages";
import { queries } from "@/api/queries";
import { asked, type Conversation, type Filter, isFilter } from "./filter";
import { gather } from "./gather";
import { merged, type Page, type Pages, without } from "./pages";

const PAGE = 100;
const none: Conversation[] = [];
const LIST = "inbox";
const key = (filter: Filter) => [LIST, filter] as const;
const path = "/api/v1/conversations/{id}";
const single = (id: string) => $api.queryOptions("get", path, { params: { path: { id } } });

let reading: string | undefined;

/** Sets the open conversation. It stays in the list even when it no longer matches the filter. */
export function reads(id: string | undefined) {
  const left = reading;
  reading = id;
  const known = left && left !== id ? queries.getQueryData<Conversation>(single(left).queryKey) : undefined;
  if (known) show(known);
}

async function read(filter: Filter, cursor?: string, signal?: AbortSignal): Promise<Page> {
  const { data, error } = await api.GET("/api/v1/conversations", {
    params: { query: { ...asked(filter), cursor, limit: PAGE } },
    signal,
  });
  if (error) throw error;
  return data;
}

const at = (filter: Filter) => (cursor?: string) => ({
  queryKey: key(filter),
  queryFn: ({ signal }: { signal: AbortSignal }) => read(filter, cursor, signal),
});

/** Puts conversations from the server into every list and query that holds them. */
export function show(...all: Conversation[]) {
  for (const one of all) queries.setQueryData(single(one.id).queryKey, one);
  for (const [where, pages] of queries.getQueriesData<Pages>({ queryKey: [LIST] })) {
    const [, filter] = where;
    if (!pages || !isFilter(filter)) continue;
    const now = all.reduce((data, one) => merged(data, one, filter, reading), pages);
    if (now !== pages) queries.setQueryData(where, now);
  }
}

/** Reloads one conversation. */
export async function refresh(id: string) {
  const { data } = await api.GET(path, { params: { path: { id } } });
  if (!data) return;
  if (data.id !== id) forget(id, data);
  show(data);
}

/** Takes a conversation that was merged into another out of every list; whoever reads it gets the other. */
function forget(id: string, into: Conversation) {
  queries.setQueryData(single(id).queryKey, into);
  for (const [where, data] of queries.getQueriesData<Pages>({ queryKey: [LIST] }))
    if (data) queries.setQueryData(where, without(data, id));
}

/** A conversation; the list's data is shown until it is loaded. */
export function useConversation(id: string) {
  return $api.useQuery("get", path, { params: { path: { id } } }, { placeholderData: () => inList(id) });
}

function inList(id: string): Conversation | undefined {
  for (const [, pages] of queries.getQueriesData<Pages>({ queryKey: [LIST] }))
    for (const { items } of pages?.pages ?? []) {
      const found = items.find((one) => one.id === id);
      if (found) return found;
    }
  return undefined;
}

/** Subscribes to changes of all conversations and reloads those that changed. */
export function useStirred(filter: Filter) {
  const now = useRef(filter);
  now.current = filter;
  const gatherer = useRef<ReturnType<typeof gather>>(undefined);
  useEffect(() => {
    const made = gather({
      one: refresh,
      recent: async () => {
        const { items } = await read(now.current);
        show(...items);
        return items.map(({ id }) => id);
      },
    });
    gatherer.current = made;
    return made.stop;
  }, []);
  const conversation = useCallback((id: string) => gatherer.current?.stir(id), []);
  useLive({ conversation });
}

/** Prefetches a list before it is drawn. */
export function ahead(filter: Filter) {
  void queries.prefetchInfiniteQuery(pages(at(filter)));
}

/** The list. `deepest` returns the last row in view: a full reload reads only the pages down to it. */
export function useConversations(filter: Filter, deepest: () => number) {
  const query = usePages(at(filter), {
    // Loaded once; afterwards single conversations are merged into it. A long list is never reloaded as a whole.
    enabled: ({ state }) => state.data === undefined,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
    structuralSharing: false,
  });
  const { refetch } = query;
  const hash = hashKey(pagesKey(key(filter)));
  useEffect(() => {
    const again = () => {
      const pages = 1 + Math.floor(deepest() / PAGE);
      queries.setQueryData<Pages>(JSON.parse(hash), (data) => data && first(data, pages));
      void refetch();
    };
    // A list that was not shown has missed changes.
    const state = queries.getQueryState(JSON.parse(hash));
    if (state?.data !== undefined && state.fetchStatus === "idle") again();
    return queries.getQueryCache().subscribe((event) => {
      if (event.type !== "updated" || event.action.type !== "invalidate") return;
      if (event.query.queryHash === hash && event.query.state.data !== undefined) again();
    });
  }, [hash, refetch, deepest]);
  return { query, list: query.data ?? none };
}

/** The number of conversations by state. */
export function useCounts() {
  return $api.useQuery("get", "/api/v1/conversations/counts").data;
}

/** The desk's numbers, for the filter by number. */
export function useNumbers() {
  return $api.useQuery("get", "/api/v1/numbers").data;
}
