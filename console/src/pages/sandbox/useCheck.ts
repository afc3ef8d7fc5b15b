// Checks while typing whether a prompt file can be published.
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData } from "@tanstack/react-query";
import { useMemo } from "react";
import { $api } from "@/api/client";

export function useCheck(agent: string, source: string) {
  const [settled] = useDebouncedValue(source, 350);
  const query = $api.useQuery(
    "post",
    "/api/v1/agents/{agent}/check",
    { params: { path: { agent } }, body: { source: settled } },
    {
      placeholderData: keepPreviousData,
      staleTime: 60_000,
      gcTime: 60_000,
      retry: false,
      refetchOnWindowFocus: false,
    },
  );
  const known = useMemo(() => query.data && new Set(query.data.known.map(({ name }) => name)), [query.data]);
  return {
    check: query.data,
    known,
    /** Whether the result is for an earlier text. */
    old: settled !== source || query.isPlaceholderData || query.isFetching,
    error: query.error,
  };
}

export type Check = ReturnType<typeof useCheck>;
