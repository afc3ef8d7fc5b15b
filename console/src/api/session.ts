// Who is signed in: a cookie that only the server reads, and a token that every write carries.
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

/** Forgets all that was read. */
export function forget() {
  live.close();
  carry("");
  queries.clear();
  queries.setQueryData(sessionQuery.queryKey, null);
}

/** Signs out. */
export async function signOut() {
  await api.DELETE("/api/v1/session");
  forget();
}

/** Signs every browser out, this one too. */
export async function signOutEverywhere() {
  await api.DELETE("/api/v1/sessions");
  forget();
}
