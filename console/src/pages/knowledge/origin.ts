// Where a document comes from, as the page shows it.
import type { Schemas } from "@/api/client";

type DocumentOrigin = Schemas["DocumentOrigin"];
export type Origin = DocumentOrigin | "demo";

/** The demo has no folder: what the server calls a file of the folder came with the demo shop. */
export function originOf(from: DocumentOrigin, collection: Schemas["Collection"]["origin"]): Origin {
  return from === "folder" && collection === "demo" ? "demo" : from;
}

/** Whether its documents may come from a folder, or with the demo shop. */
export const hasFolder = (collection: Schemas["Collection"]["origin"]): boolean =>
  collection === "folder" || collection === "demo";
