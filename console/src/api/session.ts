// The signed-in session: a cookie that only the server reads, and a CSRF token that every write sends.
import { queryOptions } from "@tanstack/react-query";
import { api, carry, Failure, type Schemas } from "./client";
import * as live from "./live";
import { queries } from "./queries";

export type Session = Schemas["Session"];

function keep(session: Session): Session {
  carry(session.csrf);
  live.open();
  return session;
}

/** The session, or null when nobody is signed in. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async (): Promise<Session | null> => {
    try {
      const { data } = await api.GET("/api/v1/session");
      return data ? keep(data) : null;
    } catch (error) {
      if (error instanceof Failure && error.status === 401) return null;
      throw error;
    }
  },
});

/** Signs in with the token of a one-time link. */
export async function signIn(token: string): Promise<void> {
  const { data } = await api.POST("/api/v1/session", { body: { token } });
  if (data) queries.setQueryData(sessionQuery.queryKey, keep(data));
}

const cleaners = new Set<() => void>();

/** Registers what forgets a page's own data when the session ends. */
export function whenForgotten(clean: () => void) {
  cleaners.add(clean);
}

/** Clears all cached data. */
export function forget() {
  for (const clean of cleaners) clean();
  live.close();
  carry("");
  queries.clear();
  queries.setQueryData(sessionQuery.queryKey, null);
}

export async function signOut() {
  await api.DELETE("/api/v1/session");
  forget();
}

/** Signs out every browser, including this one. */
export async function signOutEverywhere() {
  await api.DELETE("/api/v1/sessions");
  forget();
}
