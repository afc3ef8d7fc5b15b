// The live event stream: one connection for the whole page, which reconnects by itself. Components subscribe
// to the events that they need.
import { useEffect, useSyncExternalStore } from "react";
import { type Schemas, signedOut } from "./client";
import { queries } from "./queries";

/** What can change, apart from conversations. */
export type ChangeKind = Schemas["What"];
type LiveEvent = Schemas["LiveEvent"];
/** The data of the event with this name. */
type Data<Name extends LiveEvent["event"]> = Extract<LiveEvent, { event: Name }>["data"];

/** `lost`: no events arrive, so what is shown may be out of date. */
export type Line = "closed" | "connecting" | "open" | "lost";

type Listener = { conversation?: (id: string) => void; changed?: (what: ChangeKind) => void };

const listeners = new Set<Listener>();
const watchers = new Set<() => void>();
let line: Line = "closed";
let source: EventSource | undefined;
let again: ReturnType<typeof setTimeout> | undefined;
let patience = 1_000;

function say(next: Line) {
  if (line === next) return;
  line = next;
  for (const watcher of watchers) watcher();
}

function everything() {
  void queries.invalidateQueries();
}

function hear<Name extends LiveEvent["event"]>(
  from: EventSource,
  name: Name,
  tell: (data: Data<Name>) => void,
) {
  from.addEventListener(name, (event) => tell(JSON.parse(event.data)));
}

function connect() {
  clearTimeout(again);
  source?.close();
  const missed = line === "lost";
  source = new EventSource("/api/v1/live");
  if (line !== "lost") say("connecting");
  source.onopen = () => {
    patience = 1_000;
    say("open");
    // A new stream cannot resume after the last event of the old one.
    if (missed) everything();
  };
  source.onerror = () => {
    say("lost");
    // In any other state the browser reconnects by itself and sends the id of its last event.
    if (source?.readyState !== EventSource.CLOSED) return;
    again = setTimeout(() => void retry(), patience);
    patience = Math.min(patience * 2, 15_000);
  };
  hear(source, "conversation", ({ id }) => {
    for (const listener of listeners) listener.conversation?.(id);
  });
  hear(source, "changed", ({ what }) => {
    for (const listener of listeners) listener.changed?.(what);
  });
  hear(source, "reload", everything);
}

/** The browser stops reconnecting when the server refuses. The session may have expired. */
async function retry() {
  const answer = await fetch("/api/v1/session").catch(() => undefined);
  if (answer?.status === 401) signedOut();
  else connect();
}

/** Opens the connection. */
export function open() {
  if (source) return;
  connect();
  window.addEventListener("online", connect);
  window.addEventListener("offline", offline);
}

/** Closes the connection. */
export function close() {
  clearTimeout(again);
  source?.close();
  source = undefined;
  window.removeEventListener("online", connect);
  window.removeEventListener("offline", offline);
  say("closed");
}

function offline() {
  say("lost");
}

/** The state of the connection. */
export function useLine(): Line {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => line,
  );
}

/** Subscribes to changes while the component is mounted. Pass stable functions (`useCallback`). */
export function useLive({ conversation, changed }: Listener) {
  useEffect(() => {
    const listener = { conversation, changed };
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, [conversation, changed]);
}
