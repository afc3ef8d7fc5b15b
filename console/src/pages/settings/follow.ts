// Reads the audit log again after a change. Nothing tells of its entries, but most are about one.
import { useEffect, useState } from "react";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";

/** Within this time after a change its entry is in the log, in milliseconds. */
const ENTRY_MS = 1_500;
/** The time between two readings for conversations, whose messages are seldom in the log, in milliseconds. */
const PAUSE_MS = 10_000;

/** Calls `read` a moment after a change; several changes share a call, and those of conversations wait for longer. */
export function follower(read: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  const stop = () => {
    clearTimeout(timer);
    due = Number.POSITIVE_INFINITY;
  };
  const at = (time: number) => {
    if (time >= due) return;
    stop();
    due = time;
    timer = setTimeout(() => {
      due = Number.POSITIVE_INFINITY;
      last = Date.now();
      read();
    }, time - Date.now());
  };
  return {
    changed: () => at(Date.now() + ENTRY_MS),
    conversation: () => at(Math.max(Date.now() + ENTRY_MS, last + PAUSE_MS)),
    stop,
  };
}

/** Keeps the audit log up to date while the component is mounted. */
export function useFollowing() {
  const [{ changed, conversation, stop }] = useState(() => follower(() => reread("/api/v1/audit")));
  useLive({ changed, conversation });
  useEffect(() => stop, [stop]);
}
