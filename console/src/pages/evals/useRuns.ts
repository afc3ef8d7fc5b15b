// Runs, newest first; read again and again only while one of them goes on.
import { useMemo } from "react";
import { $api } from "@/api/client";
import { isActive } from "./row";

export function useRuns() {
  const query = $api.useInfiniteQuery(
    "get",
    "/api/v1/evals/runs",
    { params: { query: { limit: 50 } } },
    {
      pageParamName: "cursor",
      // Not undefined: that would be asked for as 0.
      initialPageParam: null as string | null,
      getNextPageParam: ({ next }) => next ?? null,
      refetchInterval: ({ state }) =>
        state.data?.pages.some(({ items }) => items.some((run) => isActive(run.state))) ? 2_000 : false,
    },
  );
  const runs = useMemo(() => query.data?.pages.flatMap(({ items }) => items), [query.data]);
  return { query, runs };
}
