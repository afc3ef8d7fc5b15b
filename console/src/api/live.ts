// The live stream: one connection for the whole page, which heals by itself. Whoever shows something says what it wants to hear of.
import { useEffect, useSyncExternalStore } from "react";
import { type Schemas, signedOut } from "./client";
import { queries } from "./queries";

/** What may change beside conversations. */
export type What = Schemas["What"];
type Told = Schemas["LiveEvent"];
/** What an event of this name tells. */
type Data<Name extends Told["event"]> = Extract<Told, { event: Name }>["data"];

/** `lost`: nothing is heard; what is shown may be old. */
export type Line = "closed" | "connecting" | "open" | "lost";

type Listener = { conversation?: (id: string) => void; changed?: (what: What) => void };

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

function hear<Name extends Told["event"]>(from: EventSource, name: Name, tell: (data: Data<Name>) => void) {
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
    // A new stream does not know where the last one ended.
    if (missed) everything();
  };
  source.onerror = () => {
    say("lost");
    // Otherwise the browser connects again by itself, and says which event it heard last.
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

/** The browser gave up: the server refused. Perhaps the session is over. */
async function retry() {
  const answer = await fetch("/api/v1/session").catch(() => undefined);
  if (answer?.status === 401) signedOut();
  else connect();
}

/** Listens from now on. */
export function open() {
  if (source) return;
  connect();
  window.addEventListener("online", connect);
  window.addEventListener("offline", offline);
}

/** Listens no more. */
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

/** How the connection is. */
export function useLine(): Line {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => line,
  );
}

/** Hears of changes while the component is shown. Give it functions that stay the same. */
export function useLive({ conversation, changed }: Listener) {
  useEffect(() => {
    const listener = { conversation, changed };
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, [conversation, changed]);
}
