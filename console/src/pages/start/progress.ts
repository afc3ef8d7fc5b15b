// How far a desk has come on its way to the first answer.
import type { Schemas } from "@/api/client";

export type StepState = "done" | "next" | "open";

/** The first step that is not done is next. */
export function states(done: boolean[]): StepState[] {
  const next = done.indexOf(false);
  return done.map((is, at) => (is ? "done" : at === next ? "next" : "open"));
}

type Collection = Schemas["Collection"];

/** Whether the business has documents of its own: the demo's count for nothing. `uploads`: ready ones in the demo's collection. */
export function hasDocuments(collections: Collection[], demo: boolean, uploads: number): boolean {
  return uploads > 0 || collections.some(({ ready, origin }) => ready > 0 && !(demo && origin === "folder"));
}

/** Where files that are dropped here go: what the agent knows from, else what there is, else a new one. */
export function target(collections: Collection[], agent: string): Collection | undefined {
  return collections.find(({ agents }) => agents.includes(agent)) ?? collections[0];
}

/** The name of the collection that is made where there is none. */
export const firstCollection = "documents";

const kept = "frontdesk.asked";

/** Whether the bot was asked in this browser: the sandbox stores nothing. */
export const wasAsked = () => localStorage.getItem(kept) !== null;
export const nowAsked = () => localStorage.setItem(kept, "1");
