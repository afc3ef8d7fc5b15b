// The tasks whose model can be chosen, as people call them. The page that shows them loads the texts of `models`.
import type { Schemas } from "@/api/client";

export type ModelRole = Schemas["ModelRole"];

export const roleWords = {
  chat: "models:chat.title",
  embeddings: "models:task.embeddings",
  speech: "models:task.speech",
  reranking: "models:task.reranking",
} as const satisfies Record<ModelRole, string>;

/** Whether this page knows the task: a newer server may have more. */
export const isRole = (word: string): word is ModelRole => Object.hasOwn(roleWords, word);
