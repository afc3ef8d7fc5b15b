// This page's outbox, connected to the API and to the browser's connection events.
import { useMemo, useSyncExternalStore } from "react";
import { api, type Schemas } from "@/api/client";
import { leaveGuard } from "@/parts/leaveGuard";
import { takesCaption } from "./attachment";
import { refresh } from "./conversations";
import {
  Outbox,
  type PendingFile,
  type PendingMessage,
  type PendingTemplate,
  SlowUpload,
  UnreadableFile,
} from "./outbox";
import type { Tappable } from "./tappable";
import { type Message, newest, put } from "./thread";

/** Timeouts of a text and of a file, in milliseconds. */
const LONGEST = 30_000;
const LONGEST_UPLOAD = 300_000;

/** The body of a message without a file. */
function bodyOf({ text, reply_to, template, below }: PendingMessage): Schemas["Reply"] {
  // A place has no text.
  if (!template) return { text: below ? text || undefined : text, reply_to, ...below };
  return { template: templateOf(template), reply_to };
}

const templateOf = ({ name, language, values }: PendingTemplate): Schemas["TemplateReply"] => ({
  name,
  language,
  values,
});

/** The form that sends a file. */
async function formOf(
  { data, name }: PendingFile,
  { text, template, reply_to }: PendingMessage,
): Promise<FormData> {
  // A file that has changed since it was chosen would fail like a lost connection.
  if (!data) throw new UnreadableFile();
  await data
    .slice(0, 1)
    .arrayBuffer()
    .catch(() => {
      throw new UnreadableFile();
    });
  const form = new FormData();
  if (template) form.set("template", JSON.stringify(templateOf(template)));
  else if (text) form.set("text", text);
  if (reply_to) form.set("reply_to", reply_to);
  form.set("file", data, name);
  return form;
}

export const outbox = new Outbox<Message>({
  storage: sessionStorage,
  newest,
  send: async (pending) => {
    const { conversation, key, file } = pending;
    const form = file && (await formOf(file, pending));
    const signal = AbortSignal.timeout(form ? LONGEST_UPLOAD : LONGEST);
    const sent = api.POST("/api/v1/conversations/{id}/messages", {
      params: { path: { id: conversation }, header: { "Idempotency-Key": key } },
      body: bodyOf(pending),
      ...(form && { bodySerializer: () => form }),
      signal,
    });
    const { data, error } = await sent.catch((failed: unknown) => {
      // Trying it again by itself would upload it over and over.
      throw form && signal.aborted ? new SlowUpload() : failed;
    });
    if (error) throw error;
    return data;
  },
  arrived: ({ conversation }, message) => {
    put(conversation, message);
    // Writing to a customer takes the conversation over.
    void refresh(conversation).catch(() => undefined);
  },
});

/** Sends a text, or a file with its caption. A text with sound follows it as a message of its own. */
export function sendMessage(conversation: string, text: string, reply_to?: string, file?: File) {
  if (!file || !text || takesCaption(file)) return outbox.write(conversation, text, reply_to, file);
  outbox.write(conversation, "", reply_to, file);
  outbox.write(conversation, text);
}

/** Sends a text with something to tap below it, or a place or an address card without one. */
export function sendTappable(conversation: string, text: string, below: Tappable, reply_to?: string) {
  outbox.writeTappable(conversation, text, below, reply_to);
}

/** Sends a filled template, with the file above its text. `text`: what the customer will read. */
export function sendTemplate(conversation: string, text: string, template: PendingTemplate, file?: File) {
  outbox.writeTemplate(conversation, text, template, file);
}

// Closing the window would lose the files.
const guard = leaveGuard();
outbox.subscribe(() => guard(outbox.list().some(({ file, state }) => file && state !== "failed")));

window.addEventListener("online", outbox.wake);
outbox.wake();

/** The pending messages of a conversation. */
export function usePending(id: string): PendingMessage[] {
  const all = useSyncExternalStore(outbox.subscribe, outbox.list);
  return useMemo(() => all.filter(({ conversation }) => conversation === id), [all, id]);
}
