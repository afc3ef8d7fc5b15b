// Outgoing messages: shown at once and sent one by one, each with an idempotency key so that none is sent twice.
import { Failure, type Problem, type Schemas } from "@/api/client";
import { isTappableKind, kindOf as kindBelow, type Tappable } from "./tappable";

/** A file of a pending message. Its bytes are in memory only: they are gone when the page is. */
export type PendingFile = Pick<File, "name" | "size" | "type"> & { data?: File };

/** A filled template of a pending message, whose text is what the customer will read. */
export type PendingTemplate = Schemas["TemplateReply"] & { buttons: string[] };

/** The file of a message can no longer be read from the disk. */
export class UnreadableFile extends Error {}

/** A file did not arrive within the longest time of an upload. */
export class SlowUpload extends Error {}

export type PendingMessage = {
  /** Idempotency key, created once for each message. */
  key: string;
  conversation: string;
  /** With a file its caption, which may be empty. */
  text: string;
  file?: PendingFile;
  template?: PendingTemplate;
  /** What can be tapped, below the text or without one. */
  below?: Tappable;
  /** Why there is nothing left to send: such a message can only be discarded. */
  lost?: "reloaded" | "unreadable";
  /** Whether the connection was too slow for its file: a person decides whether it is tried again. */
  slow?: boolean;
  /** The id of the quoted message. */
  reply_to?: string;
  /** When it was written, in milliseconds. */
  at: number;
  /** `queued`: waits for earlier messages or for the connection. */
  state: "queued" | "sending" | "failed";
  /** Whether the server could not be reached. */
  stuck?: boolean;
  /** Why it failed, in the server's words and as a code. */
  error?: string;
  code?: Problem["code"];
  /** The conversation's newest message at the last attempt: the server's copy of this one is newer. */
  after?: string;
};

type SentMessage = { id: string };
type OutboxOptions<M extends SentMessage> = {
  send: (pending: PendingMessage) => Promise<M>;
  /** Called with the message that the server created. */
  arrived: (pending: PendingMessage, message: M) => void;
  /** The id of the newest loaded message of a conversation. */
  newest: (conversation: string) => string;
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
};

const KEPT = "frontdesk.outbox";
const PATIENCE = [1_000, 2_000, 5_000, 10_000, 30_000];
/** Errors that are worth retrying. */
const passing = (error: unknown) => error instanceof Failure && [0, 502, 503, 504].includes(error.status);

const pendingFile = (data: File): PendingFile => ({
  name: data.name,
  size: data.size,
  type: data.type,
  data,
});
const withoutBytes = (_: string, value: unknown) => (value instanceof File ? undefined : value);

function kept(storage: OutboxOptions<SentMessage>["storage"]): PendingMessage[] {
  try {
    const list: PendingMessage[] = JSON.parse(storage.getItem(KEPT) ?? "[]");
    return list.map((one) => {
      // If it arrived all the same, `after` helps to recognise it.
      if (one.file) return { ...one, state: "failed", stuck: false, lost: one.lost ?? "reloaded" };
      // Its fate is unknown; sending it again with the same key is safe.
      return one.state === "sending" ? { ...one, state: "queued" } : one;
    });
  } catch {
    return [];
  }
}

export class Outbox<M extends SentMessage> {
  private all: readonly PendingMessage[];
  private readonly watchers = new Set<() => void>();
  private readonly running = new Set<string>();
  private later: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;

  constructor(private readonly way: OutboxOptions<M>) {
    this.all = kept(way.storage);
  }

  /** All pending messages. The array is replaced only when something changes. */
  readonly list = () => this.all;

  readonly subscribe = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => {
      this.watchers.delete(watcher);
    };
  };

  write(conversation: string, text: string, reply_to?: string, data?: File) {
    this.add({ conversation, text, file: data && pendingFile(data), reply_to });
  }

  writeTappable(conversation: string, text: string, below: Tappable, reply_to?: string) {
    this.add({ conversation, text, below, reply_to });
  }

  /** `text`: the template with its values. */
  writeTemplate(conversation: string, text: string, template: PendingTemplate, data?: File) {
    this.add({ conversation, text, template, file: data && pendingFile(data) });
  }

  /** Retries a failed message with its old key. */
  again(key: string) {
    const one = this.all.find((pending) => pending.key === key);
    if (!one || one.lost) return;
    this.change(key, { state: "queued", error: undefined, code: undefined, slow: undefined });
    void this.pump(one.conversation);
  }

  discard(key: string) {
    this.become(this.all.filter((pending) => pending.key !== key || pending.state === "sending"));
  }

  /** Retries at once; called when the connection may be back. */
  readonly wake = () => {
    clearTimeout(this.later);
    for (const id of new Set(this.all.map(({ conversation }) => conversation))) void this.pump(id);
  };

  private add(written: Omit<PendingMessage, "key" | "at" | "state">) {
    const key = crypto.randomUUID();
    this.become([...this.all, { ...written, key, at: Date.now(), state: "queued" }]);
    void this.pump(written.conversation);
  }

  /** Sends a conversation's queued messages in order. */
  private async pump(conversation: string) {
    if (this.running.has(conversation)) return;
    this.running.add(conversation);
    const next = () =>
      this.all.find((pending) => pending.conversation === conversation && pending.state === "queued");
    for (let one = next(); one; one = next()) if (!(await this.attempt(one))) break;
    this.running.delete(conversation);
  }

  /** Sends one message. Returns whether the next one may follow. */
  private async attempt(one: PendingMessage): Promise<boolean> {
    this.change(one.key, { state: "sending", after: one.after ?? this.way.newest(one.conversation) });
    try {
      const message = await this.way.send(one);
      this.tries = 0;
      this.way.arrived(one, message);
      this.become(this.all.filter(({ key }) => key !== one.key));
      return true;
    } catch (error) {
      if (passing(error)) {
        this.change(one.key, { state: "queued", stuck: true });
        this.wait();
        return false;
      }
      if (error instanceof SlowUpload) {
        // It may have arrived: `after` helps to recognise it, and its key is used again.
        this.change(one.key, { state: "failed", stuck: false, slow: true });
        return true;
      }
      const lost = error instanceof UnreadableFile ? "unreadable" : undefined;
      const why = error instanceof Error && !lost ? error.message : "";
      const code = error instanceof Failure ? error.problem?.code : undefined;
      this.change(one.key, { state: "failed", stuck: false, error: why, code, lost, after: undefined });
      return true;
    }
  }

  private wait() {
    clearTimeout(this.later);
    this.later = setTimeout(this.wake, PATIENCE[Math.min(this.tries, PATIENCE.length - 1)]);
    this.tries += 1;
  }

  private change(key: string, change: Partial<PendingMessage>) {
    this.become(this.all.map((pending) => (pending.key === key ? { ...pending, ...change } : pending)));
  }

  private become(all: readonly PendingMessage[]) {
    this.all = all;
    try {
      if (all.length) this.way.storage.setItem(KEPT, JSON.stringify(all, withoutBytes));
      else this.way.storage.removeItem(KEPT);
    } catch {
      // Without room the messages are sent all the same; only a reload before that loses them.
    }
    for (const watcher of this.watchers) watcher();
  }
}

type ThreadMessage = Pick<Schemas["Message"], "id" | "author" | "kind" | "text" | "media">;

/** The letters and digits of a file's name: the server drops other signs, and the beginning of a long name. */
const plain = (name: string) => name.replace(/[^\p{L}\p{N}]/gu, "");

/** The kind of a pending message that is neither a text nor a file. */
function kindOf({ template, below }: PendingMessage): ThreadMessage["kind"] | undefined {
  return template ? "template" : below && kindBelow(below);
}

const isSpecial = (kind: ThreadMessage["kind"]) => kind === "template" || isTappableKind(kind);

/** Whether a message says what a pending one says. */
function isSame({ kind, text, media }: ThreadMessage, pending: PendingMessage): boolean {
  if ((isSpecial(kind) ? kind : undefined) !== kindOf(pending)) return false;
  // The server adds what can be tapped to the text.
  if (pending.below) return (text ?? "").includes(pending.text);
  if ((text ?? "") !== pending.text || !media !== !pending.file) return false;
  if (!media || !pending.file) return true;
  const isNamed = plain(pending.file.name).endsWith(plain(media.name ?? ""));
  return isNamed && (media.size == null || media.size === pending.file.size);
}

/** A conversation's pending messages, without those that the server already has but has not answered for yet. */
export function unarrived(
  pending: readonly PendingMessage[],
  messages: readonly ThreadMessage[],
): PendingMessage[] {
  const taken = new Set<string>();
  return pending.filter((waiting) => {
    const { after } = waiting;
    if (after === undefined) return true;
    const made = messages.find(
      (one) => one.author === "person" && isSame(one, waiting) && one.id > after && !taken.has(one.id),
    );
    if (made) taken.add(made.id);
    return !made;
  });
}
