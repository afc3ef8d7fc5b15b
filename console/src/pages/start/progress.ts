// A desk's progress to its first answer.
import type { Schemas } from "@/api/client";

export type StepState = "done" | "next" | "open";

/** The first unfinished step is `next`. */
export function states(done: boolean[]): StepState[] {
  const next = done.indexOf(false);
  return done.map((is, at) => (is ? "done" : at === next ? "next" : "open"));
}

type Collection = Schemas["Collection"];

/**
 * Whether the business has its own documents; the demo's do not count. `uploads`: learned documents added to
 * the demo's collection.
 */
export function hasDocuments(collections: Collection[], uploads: number): boolean {
  return uploads > 0 || collections.some(({ ready, origin }) => ready > 0 && origin !== "demo");
}

/** The collection for dropped files: the agent's, else any existing one; undefined to create one. */
export function target(collections: Collection[], agent: string): Collection | undefined {
  return collections.find(({ agents }) => agents.includes(agent)) ?? collections[0];
}

/** The name of a collection that is created. */
export const firstCollection = "documents";

const kept = "frontdesk.asked";

/** Whether the bot was asked from this browser: the sandbox stores nothing on the server. */
export const wasAsked = () => localStorage.getItem(kept) !== null;
export const nowAsked = () => localStorage.setItem(kept, "1");
