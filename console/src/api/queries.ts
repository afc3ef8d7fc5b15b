// The cache of server data, and how parts of it are invalidated.
import { QueryClient } from "@tanstack/react-query";
import { Failure } from "./client";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      // A client error (4xx) is not retried; anything else is, twice.
      retry: (count, error) =>
        error instanceof Failure && error.status >= 400 && error.status < 500 ? false : count < 2,
    },
    mutations: { retry: false },
  },
});

/** Invalidates everything cached for these routes. */
export function reread(...paths: string[]) {
  for (const path of paths) void queries.invalidateQueries({ queryKey: ["get", path] });
}
