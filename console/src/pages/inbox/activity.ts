// What happened in a conversation besides its messages: the bot called a person, a person took over, and the way
// back to the bot.
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { api, type Schemas } from "@/api/client";
import { queries } from "@/api/queries";
import type { Conversation } from "./filter";
import type { Message } from "./thread";

export type ActivityKind = "handedOver" | "taken" | "handedBack" | "resolved";
/** `by`: who did it, as the audit log names them. */
export type Activity = { id: string; at: number; what: ActivityKind; by?: string };

type Entry = Pick<Schemas["AuditEntry"], "id" | "action" | "actor" | "outcome" | "created_at"> & {
  detail: object;
};
type Case = Conversation["open_case"];

const actions: Partial<Record<Schemas["AuditAction"], ActivityKind>> = {
  "conversation.taken": "taken",
  "conversation.handed_back": "handedBack",
  "conversation.resolved": "resolved",
};

/** Writing takes over what the bot had, and closing the last open case resolves. */
function happeningOf({ action, detail }: Entry): ActivityKind | undefined {
  const says = (key: string) =>
    Object.entries(detail).some(([name, value]) => name === key && value === true);
  if (action === "message.written") return says("took") ? "taken" : undefined;
  if (action === "escalation.resolved") return says("last") ? "resolved" : undefined;
  return actions[action];
}

/** The newest entries that are read; older lines of a longer conversation are not shown. */
const READ = 200;
/** Within this time after a change its entry is in the log, in milliseconds. */
const ENTRY_MS = 1_500;
/** A hand-off's case and notice are written within this time, in milliseconds. */
const TOGETHER = 10_000;

/** What people did, from the audit log. */
export const acted = (entries: readonly Entry[]): Activity[] =>
  entries.flatMap((entry) => {
    const { id, actor, outcome, created_at } = entry;
    const what = happeningOf(entry);
    return what && outcome === "done" ? [{ id, at: created_at, what, by: actor }] : [];
  });

/**
 * The hand-offs: a notice in the turn of a customer's message says that a person was called. A notice without
 * one tells a support contact of somebody else's case. A case may be open without a notice.
 */
export function handOffs(messages: readonly Message[], open: Case): Activity[] {
  const asked = new Set(messages.flatMap((one) => (one.author === "customer" && one.turn_id) || []));
  const found = new Map<string, Activity>();
  for (const { author, turn_id: turn, sent_at: at } of messages)
    if (author === "notice" && turn && asked.has(turn) && !found.has(turn))
      found.set(turn, { id: turn, at, what: "handedOver" });
  const all = [...found.values()];
  if (!open || all.some(({ at }) => Math.abs(at - open.created_at) < TOGETHER)) return all;
  return [...all, { id: open.id, at: open.created_at, what: "handedOver" }];
}

/** The log's entries on a conversation. */
const entriesOf = (id: string, since: number | undefined) =>
  queryOptions({
    queryKey: ["get", "/api/v1/audit", id, since],
    enabled: since !== undefined,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const query = { subject: id, since, limit: READ };
      const { data, error } = await api.GET("/api/v1/audit", { params: { query }, signal });
      if (error) throw error;
      return data.items;
    },
  });

/** What happened since the oldest loaded message. */
export function useActivities(one: Conversation, messages: readonly Message[]): Activity[] {
  const since = messages[0]?.sent_at;
  const { data, refetch } = useQuery(entriesOf(one.id, since));
  const open = one.open_case;
  // Nothing tells of the log's entries, but each changes who has the conversation.
  const standing = `${one.owner} ${open?.id}`;
  const read = useRef(standing);
  useEffect(() => {
    if (since === undefined || read.current === standing) return;
    read.current = standing;
    // A response that is on its way may be older than the change.
    void queries.cancelQueries({ queryKey: entriesOf(one.id, since).queryKey }).then(() => refetch());
    // The entry is written after the change is told.
    const later = setTimeout(() => void refetch(), ENTRY_MS);
    return () => clearTimeout(later);
  }, [one.id, since, standing, refetch]);
  return useMemo(() => {
    const all = [...handOffs(messages, open), ...acted(data ?? [])];
    return all.filter(({ at }) => since !== undefined && at >= since).sort((a, b) => a.at - b.at);
  }, [messages, open, data, since]);
}
