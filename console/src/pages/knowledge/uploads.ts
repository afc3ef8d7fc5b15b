// Running uploads, two at a time. They continue while other pages are shown and end when the window closes.
import { useSyncExternalStore } from "react";
import { headers, type Problem, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { leaveGuard } from "@/parts/leaveGuard";

type Document = Schemas["Document"];

export type Upload = {
  id: number;
  collection: string;
  name: string;
  size: number;
  /** Bytes uploaded so far. */
  sent: number;
  /** `taking`: everything is uploaded, and the server has not answered yet. */
  state: "waiting" | "sending" | "taking" | "failed";
  /**
   * Why it failed. `refused`: the server's report on the document; `error`: a message, empty when the server
   * was not reached.
   */
  refused?: Document;
  error?: string;
  /** The message's code, for translations. */
  code?: Problem["code"];
};

const atOnce = 2;
const guard = leaveGuard();
const files = new Map<number, { file: File; request?: XMLHttpRequest }>();
const watchers = new Set<() => void>();
let uploads: Upload[] = [];
let last = 0;

function set(next: Upload[]) {
  uploads = next;
  // Closing the window would abort the uploads.
  guard(uploads.some(({ state }) => state !== "failed"));
  for (const watcher of watchers) watcher();
}

function change(id: number, part: Partial<Upload>) {
  set(uploads.map((upload) => (upload.id === id ? { ...upload, ...part } : upload)));
}

/** Uploads files to a collection. */
export function upload(collection: string, chosen: File[]) {
  const more = chosen.map((file): Upload => {
    last += 1;
    files.set(last, { file });
    return { id: last, collection, name: file.name, size: file.size, sent: 0, state: "waiting" };
  });
  set([...uploads, ...more]);
  next();
}

/** Retries a failed upload. */
export function sendAgain(id: number) {
  change(id, { state: "waiting", sent: 0, refused: undefined, error: undefined, code: undefined });
  next();
}

/** Aborts an upload, or removes a failed one from the list. */
export function drop(id: number) {
  const request = files.get(id)?.request;
  files.delete(id);
  set(uploads.filter((upload) => upload.id !== id));
  request?.abort();
  next();
}

function next() {
  const busy = uploads.filter(({ state }) => state === "sending" || state === "taking").length;
  const due = uploads.filter(({ state }) => state === "waiting").slice(0, Math.max(0, atOnce - busy));
  for (const one of due) send(one);
}

function send({ id, collection, name, size }: Upload) {
  const held = files.get(id);
  if (!held) return;
  const request = new XMLHttpRequest();
  held.request = request;
  request.open("POST", `/api/v1/collections/${encodeURIComponent(collection)}/documents`);
  for (const [header, value] of Object.entries(headers())) request.setRequestHeader(header, value);
  request.upload.onprogress = ({ loaded, total }) =>
    // The request body is larger than the file.
    change(id, { sent: total ? Math.min(size, Math.round((loaded / total) * size)) : 0 });
  request.upload.onload = () => change(id, { sent: size, state: "taking" });
  request.onload = () => ended(id, outcome(request.status, request.responseText));
  request.onerror = () => ended(id, { error: "" });
  const form = new FormData();
  form.append("file", held.file, name);
  change(id, { state: "sending" });
  request.send(form);
}

/** Why the server refused the upload; undefined when it accepted the file, which is then among the documents. */
export function outcome(
  status: number,
  answer: string,
): Pick<Upload, "refused" | "error" | "code"> | undefined {
  let said: Document[] | Problem | undefined;
  try {
    said = JSON.parse(answer);
  } catch {
    said = undefined;
  }
  if (status === 202 && Array.isArray(said)) {
    // A document without an id was not stored.
    const refused = said.find((document) => document.state === "failed" && !document.id);
    return refused && { refused };
  }
  const problem = Array.isArray(said) ? undefined : said;
  return { error: problem?.detail ?? problem?.title ?? `HTTP ${status}`, code: problem?.code };
}

function ended(id: number, failed: ReturnType<typeof outcome>) {
  if (!files.has(id)) return;
  if (failed) change(id, { state: "failed", ...failed });
  else {
    files.delete(id);
    set(uploads.filter((upload) => upload.id !== id));
  }
  reread("/api/v1/collections", "/api/v1/collections/{name}/documents");
  next();
}

/** All uploads that are running or failed. */
export function useUploads(): Upload[] {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => uploads,
  );
}
