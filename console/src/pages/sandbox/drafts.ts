// Drafts of prompt files, stored in this browser until they are published or discarded. Each tab keeps its own; a
// tab without one starts from the last that any tab saved.
import { useCallback, useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";

/** A draft, and the version that was live when it was started. */
export type Draft = { source: string; from: number };

const place = (agent: string) => `frontdesk.draft.${agent}`;
const watchers = new Set<() => void>();
const known = new Map<string, Draft | null>();

/** Parses a stored draft; null when it cannot be read. */
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
  const read = readDraft(sessionStorage.getItem(place(agent)) ?? localStorage.getItem(place(agent)));
  known.set(agent, read);
  return read;
}

/** Stores a draft; `null` discards it. */
export function keepDraft(agent: string, draft: Draft | null) {
  const before = JSON.stringify(draftOf(agent));
  known.set(agent, draft);
  try {
    if (draft) {
      localStorage.setItem(place(agent), JSON.stringify(draft));
      sessionStorage.setItem(place(agent), JSON.stringify(draft));
    } else {
      sessionStorage.removeItem(place(agent));
      // Another tab's draft stays.
      if (localStorage.getItem(place(agent)) === before) localStorage.removeItem(place(agent));
    }
  } catch {
    // Without storage the draft lasts as long as the page.
  }
  for (const watcher of watchers) watcher();
}

// Another tab published or discarded the last saved draft. If it was this tab's, too, it is done with; otherwise
// this tab's own is the last one now.
window.addEventListener("storage", ({ key, oldValue, newValue }) => {
  const agent = [...known.keys()].find((slug) => place(slug) === key);
  if (agent === undefined || newValue !== null) return;
  const own = readDraft(sessionStorage.getItem(place(agent)));
  keepDraft(agent, JSON.stringify(own) === oldValue ? null : own);
});

type LiveVersion = Pick<Schemas["Agent"], "slug" | "source" | "version">;

/** The file being edited: the draft, or the live version. */
export function useDraft(live: LiveVersion) {
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
    /** Whether it differs from the live version. */
    changed: source !== live.source,
    /** Whether another version went live since the draft was started. */
    overtaken: !!draft && draft.from !== live.version && source !== live.source,
  };
}
