// Lists are read page by page, and each item is shown once.
import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { first, items, pages, pagesKey } from "./pages";

const [top, moved, last] = [
  { id: "a", at: 50 },
  { id: "a", at: 10 },
  { id: "b", at: 5 },
];
const list = pages((cursor) => ({
  queryKey: ["list"],
  queryFn: () => (cursor ? { items: [moved, last], next: null } : { items: [top], next: "second" }),
}));

test("the next page is read with the cursor of the one before, to the last", async () => {
  const read = await new QueryClient().fetchInfiniteQuery({ ...list, pages: 5 });
  expect(read.pageParams).toEqual([undefined, "second"]);
  expect(items(first(read, 1))).toEqual([top]);
  expect(items(read)).toEqual([top, last]);
});

test("a list is not kept where a page is that was read with the same parameters; both are read again", async () => {
  const queries = new QueryClient();
  const alone = { items: [last], next: null };
  queries.setQueryData(["list"], alone);
  const read = await queries.fetchInfiniteQuery(list);
  expect(queries.getQueryData(pagesKey(["list"]))).toEqual(read);
  expect(queries.getQueriesData({ queryKey: ["list"] }).map(([, data]) => data)).toEqual([alone, read]);
});
