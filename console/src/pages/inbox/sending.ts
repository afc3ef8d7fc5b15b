// This page's outbox, connected to the API and to the browser's connection events.
import { useMemo, useSyncExternalStore } from "react";
import { api } from "@/api/client";
import { refresh } from "./conversations";
import { Outbox, type PendingMessage } from "./outbox";
import { type Message, newest, put } from "./thread";

/** Timeout of a send, in milliseconds. */
const LONGEST = 30_000;

export const outbox = new Outbox<Message>({
  storage: sessionStorage,
  newest,
  send: async ({ conversation, text, reply_to, key }) => {
    const { data, error } = await api.POST("/api/v1/conversations/{id}/messages", {
      params: { path: { id: conversation }, header: { "Idempotency-Key": key } },
      body: { text, reply_to },
      signal: AbortSignal.timeout(LONGEST),
    });
    if (error) throw error;
    return data;
  },
  arrived: ({ conversation }, message) => {
    put(conversation, message);
    // Writing to a customer takes the conversation over.
    void refresh(conversation).catch(() => undefined);
  },
});

window.addEventListener("online", outbox.wake);
outbox.wake();

/** The pending messages of a conversation. */
export function usePending(id: string): PendingMessage[] {
  const all = useSyncExternalStore(outbox.subscribe, outbox.list);
  return useMemo(() => all.filter(({ conversation }) => conversation === id), [all, id]);
}
