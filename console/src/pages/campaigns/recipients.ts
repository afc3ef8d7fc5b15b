// A campaign's recipients, page by page, in the order of the list.
import { useInfiniteQuery } from "@tanstack/react-query";
import { $api } from "@/api/client";
import { pages } from "@/api/pages";

export function useRecipients(id: string) {
  return useInfiniteQuery({
    ...pages((cursor) =>
      $api.queryOptions("get", "/api/v1/campaigns/{id}/recipients", {
        params: { path: { id }, query: { cursor } },
      }),
    ),
    select: ({ pages: read }) => read.flatMap(({ items }) => items),
  });
}
