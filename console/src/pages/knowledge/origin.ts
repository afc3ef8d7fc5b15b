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

/** Where a document's original is: a file of the server, or a page of the web; nowhere if it is not kept. */
export function originalOf(
  { id, from, path }: Pick<Schemas["Document"], "id" | "from" | "path">,
  collection: Schemas["Collection"]["origin"],
): { file?: string; page?: string } {
  // Another scheme in an address, such as javascript:, would run in this page.
  if (from === "web") return /^https?:\/\//i.test(path) ? { page: path } : {};
  return from === "upload" || (from === "folder" && hasFolder(collection))
    ? { file: `/api/v1/documents/${id}/original` }
    : {};
}
