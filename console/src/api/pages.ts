// Lists of the API, read a page at a time.
import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryFunction,
  type QueryKey,
  type UseInfiniteQueryOptions,
  useInfiniteQuery,
} from "@tanstack/react-query";

type Cursor = string | undefined;
type Next = { next?: string | null };
type Page<T> = Next & { items: T[] };
export type Pages<P> = InfiniteData<P, Cursor>;

/** How the page at a cursor is read: `(cursor) => $api.queryOptions("get", …)`. */
type At<P, K extends QueryKey> = (cursor?: string) => { queryKey: K; queryFn: QueryFunction<P, K> };

/** Where the pages of a list are kept: not where a single page is that was read with the same parameters. */
export const pagesKey = (key: QueryKey): QueryKey => [...key, "pages"];

/** Reads page after page. */
export function pages<P extends Next, K extends QueryKey>(at: At<P, K>) {
  return infiniteQueryOptions<P, Error, Pages<P>, QueryKey, Cursor>({
    queryKey: pagesKey(at().queryKey),
    queryFn: ({ pageParam, ...context }) => {
      const { queryKey, queryFn } = at(pageParam);
      return queryFn({ ...context, queryKey });
    },
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
  });
}

/** All that was read, each once: what comes meanwhile moves the rest to the next page. */
export function items<T extends { id: string }>({ pages }: { pages: Page<T>[] }): T[] {
  const all = new Map<string, T>();
  for (const { items } of pages) for (const one of items) if (!all.has(one.id)) all.set(one.id, one);
  return [...all.values()];
}

/** The first pages only. */
export function first<P>({ pages, pageParams }: Pages<P>, count: number): Pages<P> {
  return { pages: pages.slice(0, count), pageParams: pageParams.slice(0, count) };
}

type Options<T> = Omit<
  UseInfiniteQueryOptions<Page<T>, Error, T[], QueryKey, Cursor>,
  "queryKey" | "queryFn" | "initialPageParam" | "getNextPageParam" | "select"
>;

/** A list: all that was read of it, and more of it. */
export function usePages<T extends { id: string }, K extends QueryKey>(
  at: At<Page<T>, K>,
  options?: Options<T>,
) {
  return useInfiniteQuery<Page<T>, Error, T[], QueryKey, Cursor>({ ...pages(at), select: items, ...options });
}
