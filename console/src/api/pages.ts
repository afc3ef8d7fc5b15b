// Paginated lists of the API.
import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryFunction,
  type QueryKey,
  type UseInfiniteQueryOptions,
  useInfiniteQuery,
} from "@tanstack/react-query";

type Cursor = string | undefined;
type NextCursor = { next?: string | null };
type Page<T> = NextCursor & { items: T[] };
export type Pages<P> = InfiniteData<P, Cursor>;

/** Query options for the page at a cursor: `(cursor) => $api.queryOptions("get", …)`. */
type PageQuery<P, K extends QueryKey> = (cursor?: string) => { queryKey: K; queryFn: QueryFunction<P, K> };

/** The cache key of a list's pages. It differs from the key of a single page that has the same parameters. */
export const pagesKey = (key: QueryKey): QueryKey => [...key, "pages"];

/** Infinite query options that follow the cursors. */
export function pages<P extends NextCursor, K extends QueryKey>(at: PageQuery<P, K>) {
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

/** All items read so far, without duplicates: new items can push an item from one page to the next. */
export function items<T extends { id: string }>({ pages }: { pages: Page<T>[] }): T[] {
  const all = new Map<string, T>();
  for (const { items } of pages) for (const one of items) if (!all.has(one.id)) all.set(one.id, one);
  return [...all.values()];
}

/** The first `count` pages. */
export function first<P>({ pages, pageParams }: Pages<P>, count: number): Pages<P> {
  return { pages: pages.slice(0, count), pageParams: pageParams.slice(0, count) };
}

type Options<T> = Omit<
  UseInfiniteQueryOptions<Page<T>, Error, T[], QueryKey, Cursor>,
  "queryKey" | "queryFn" | "initialPageParam" | "getNextPageParam" | "select"
>;

/** A list as an infinite query of its items. */
export function usePages<T extends { id: string }, K extends QueryKey>(
  at: PageQuery<Page<T>, K>,
  options?: Options<T>,
) {
  return useInfiniteQuery<Page<T>, Error, T[], QueryKey, Cursor>({ ...pages(at), select: items, ...options });
}
