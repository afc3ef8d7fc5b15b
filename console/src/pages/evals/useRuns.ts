// The runs, newest first; polled only while one of them is in progress.
import { $api } from "@/api/client";
import { usePages } from "@/api/pages";
import { isActive } from "./row";

export function useRuns() {
  return usePages(
    (cursor) => $api.queryOptions("get", "/api/v1/evals/runs", { params: { query: { limit: 50, cursor } } }),
    {
      refetchInterval: ({ state }) =>
        state.data?.pages.some(({ items }) => items.some((run) => isActive(run.state))) ? 2_000 : false,
    },
  );
}
