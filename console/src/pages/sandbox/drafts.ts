// Drafts of prompt files. They are kept in this browser until they are published or thrown away.
import { useCallback, useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";

/** A draft, and the version that was live when it was begun. */
export type Draft = { source: string; from: number };

const place = (agent: string) => `frontdesk.draft.${agent}`;
const watchers = new Set<() => void>();
const known = new Map<string, Draft | null>();

/** A draft as it was kept, or nothing where that cannot be read. */
export function readDraft(text: string | null): Draft | null {
  if (!text) return null;
  try {
    const draft = JSON.parse(text);
    return typeof draft?.source === "string" && typeof draft?.from === "number" ? draft : null;
  } catch {
    return null;
  }
}

export function draftOf(agent: string): Draft | null {
  const there = known.get(agent);
  if (there !== undefined) return there;
  const read = readDraft(localStorage.getItem(place(agent)));
  known.set(agent, read);
  return read;
}

/** Keeps a draft; `null` throws it away. */
export function keepDraft(agent: string, draft: Draft | null) {
  known.set(agent, draft);
  try {
    if (draft) localStorage.setItem(place(agent), JSON.stringify(draft));
    else localStorage.removeItem(place(agent));
  } catch {
    // The browser keeps nothing: the draft lasts as long as the page.
  }
  for (const watcher of watchers) watcher();
}

// Another window of this browser wrote it.
window.addEventListener("storage", ({ key }) => {
  const agent = [...known.keys()].find((slug) => place(slug) === key);
  if (agent === undefined) return;
  known.delete(agent);
  for (const watcher of watchers) watcher();
});

type Live = Pick<Schemas["Agent"], "slug" | "source" | "version">;

/** The file that is being edited: the draft, or what is live. */
export function useDraft(live: Live) {
  const { slug } = live;
  const draft = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => draftOf(slug),
  );
  const set = useCallback(
    (source: string) => {
      if (source === live.source) keepDraft(slug, null);
      else keepDraft(slug, { source, from: draftOf(slug)?.from ?? live.version });
    },
    [slug, live.source, live.version],
  );
  const source = draft?.source ?? live.source;
  return {
    source,
    set,
    reset: useCallback(() => keepDraft(slug, null), [slug]),
    /** Whether it differs from what answers customers. */
    changed: source !== live.source,
    /** Another version went live meanwhile. */
    overtaken: !!draft && draft.from !== live.version && source !== live.source,
  };
}
