// Follows what becomes of messages: that comes as events of their conversations.
import { useCallback, useEffect, useRef } from "react";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";

/** Milliseconds between two readings: a campaign changes many conversations. */
const PAUSE = 2_000;

export function useFollow() {
  const soon = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(soon.current), []);
  const conversation = useCallback(() => {
    soon.current ??= setTimeout(() => {
      soon.current = undefined;
      reread("/api/v1/campaigns/{id}/results", "/api/v1/campaigns/{id}/recipients");
    }, PAUSE);
  }, []);
  useLive({ conversation });
}
