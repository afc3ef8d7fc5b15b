// The cache of what the server said, and what of it is read again when something happened.
import { QueryClient } from "@tanstack/react-query";
import { Failure } from "./client";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      // What the server refused is refused again; what did not reach it may, soon.
      retry: (count, error) =>
        error instanceof Failure && error.status >= 400 && error.status < 500 ? false : count < 2,
    },
    mutations: { retry: false },
  },
});

/** Reads a route's answers again, wherever they are shown. */
export function reread(...paths: string[]) {
  for (const path of paths) void queries.invalidateQueries({ queryKey: ["get", path] });
}
