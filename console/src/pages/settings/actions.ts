// The audit log's closed sets: what each action belongs to, and what it was done to.
import type { Schemas } from "@/api/client";
import { isRole } from "@/parts/modelRole";

export type Entry = Schemas["AuditEntry"];
export type Action = Schemas["AuditAction"];
export type Outcome = Schemas["AuditOutcome"];

export type Kind =
  | "agents"
  | "knowledge"
  | "conversations"
  | "numbers"
  | "evals"
  | "models"
  | "access"
  | "other";

/** What a subject is. `entry`: something in a collection. */
type SubjectKind =
  | "agent"
  | "collection"
  | "entry"
  | "conversation"
  | "number"
  | "run"
  | "suite"
  | "model"
  | "template";

type ActionFacts = {
  kind: Kind;
  /** Without it, the subject is shown among the details only: nobody knows things by their ids. */
  subject?: SubjectKind;
  /** It is itself about a refusal. */
  isRefusal?: true;
};

export const actions: Record<Action, ActionFacts> = {
  "agent.created": { kind: "agents", subject: "agent" },
  "agent.published": { kind: "agents", subject: "agent" },
  "agent.refused": { kind: "agents", subject: "agent", isRefusal: true },
  "agent.forced": { kind: "agents", subject: "agent" },
  "agent.renamed": { kind: "agents", subject: "agent" },
  "agent.removed": { kind: "agents", subject: "agent" },
  "prompt.generated": { kind: "agents" },
  "collection.created": { kind: "knowledge", subject: "collection" },
  "collection.renamed": { kind: "knowledge", subject: "collection" },
  "collection.removed": { kind: "knowledge", subject: "collection" },
  "collection.settings_changed": { kind: "knowledge", subject: "collection" },
  "document.uploaded": { kind: "knowledge", subject: "collection" },
  "document.removed": { kind: "knowledge" },
  "document.retried": { kind: "knowledge" },
  "source.added": { kind: "knowledge", subject: "entry" },
  "source.removed": { kind: "knowledge", subject: "entry" },
  "source.refreshed": { kind: "knowledge", subject: "entry" },
  "answer.created": { kind: "knowledge", subject: "entry" },
  "answer.changed": { kind: "knowledge", subject: "entry" },
  "answer.removed": { kind: "knowledge", subject: "entry" },
  "gap.answered": { kind: "knowledge" },
  "gap.dismissed": { kind: "knowledge" },
  "gap.rechecked": { kind: "knowledge" },
  "knowledge.learned": { kind: "knowledge" },
  "knowledge.refused": { kind: "knowledge", subject: "collection", isRefusal: true },
  "knowledge.forced": { kind: "knowledge", subject: "collection" },
  "index.rebuilt": { kind: "knowledge" },
  "demo.removed": { kind: "knowledge" },
  "conversation.taken": { kind: "conversations", subject: "conversation" },
  "conversation.handed_back": { kind: "conversations", subject: "conversation" },
  "conversation.resolved": { kind: "conversations", subject: "conversation" },
  "escalation.resolved": { kind: "conversations", subject: "conversation" },
  "conversation.started": { kind: "conversations", subject: "conversation" },
  "campaign.created": { kind: "conversations" },
  "campaign.removed": { kind: "conversations" },
  "campaign.recipients_added": { kind: "conversations" },
  "campaign.tried": { kind: "conversations" },
  "campaign.started": { kind: "conversations" },
  "campaign.stopped": { kind: "conversations" },
  "message.written": { kind: "conversations", subject: "conversation" },
  "message.retried": { kind: "conversations" },
  "transcript.corrected": { kind: "conversations" },
  "contact.merged": { kind: "conversations" },
  "number.drafted": { kind: "numbers" },
  "number.added": { kind: "numbers", subject: "number" },
  "number.changed": { kind: "numbers", subject: "number" },
  "number.removed": { kind: "numbers", subject: "number" },
  "number.connected": { kind: "numbers", subject: "number" },
  "number.restarted": { kind: "numbers", subject: "number" },
  "number.logged_out": { kind: "numbers", subject: "number" },
  "number.paused": { kind: "numbers", subject: "number" },
  "number.resumed": { kind: "numbers", subject: "number" },
  "number.tried": { kind: "numbers", subject: "number" },
  "template.created": { kind: "numbers", subject: "template" },
  "template.deleted": { kind: "numbers", subject: "template" },
  "webhook.replayed": { kind: "numbers" },
  "eval.started": { kind: "evals", subject: "run" },
  "eval.stopped": { kind: "evals", subject: "run" },
  "eval.case_saved": { kind: "evals", subject: "suite" },
  "eval.case_removed": { kind: "evals", subject: "suite" },
  "eval.accepted": { kind: "evals", subject: "suite" },
  "eval.report_exported": { kind: "evals", subject: "run" },
  "model.set": { kind: "models", subject: "model" },
  "model.removed": { kind: "models" },
  "model.fetched": { kind: "models", subject: "model" },
  "model.fetch_cancelled": { kind: "models", subject: "model" },
  "session.started": { kind: "access" },
  "session.ended": { kind: "access" },
  "session.all_ended": { kind: "access" },
  "session.link_created": { kind: "access" },
  "key.refused": { kind: "access", isRefusal: true },
  other: { kind: "other" },
};

/** The action; one that is newer than this page is `other`. */
export const actionOf = ({ action }: Pick<Entry, "action">): Action =>
  Object.hasOwn(actions, action) ? action : "other";

/** A value of the details, whose shape depends on the action. */
export function detailOf({ detail }: Pick<Entry, "detail">, ...path: string[]): unknown {
  let value: unknown = detail;
  for (const name of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  return value;
}

function textOf(entry: Pick<Entry, "detail">, ...path: string[]): string | undefined {
  const value = detailOf(entry, ...path);
  return typeof value === "string" && value.trim() ? value : undefined;
}

/** Why a gate decided as it did. */
export const reasonOf = (entry: Pick<Entry, "detail">) =>
  textOf(entry, "gate", "reason") ?? textOf(entry, "reason");

/** What something was called before. */
export const formerName = (entry: Pick<Entry, "detail">) => textOf(entry, "before");

/** The published version. */
export function versionOf(entry: Pick<Entry, "detail">): number | undefined {
  const value = detailOf(entry, "version");
  return typeof value === "number" ? value : undefined;
}

export type Subject = {
  kind: Exclude<SubjectKind, "entry"> | "text";
  /** What finds it. */
  id: string;
  /** What it is called, where the entry says so. */
  name?: string;
};

/** What an entry is about, if it says so. */
export function subjectOf(entry: Pick<Entry, "action" | "subject" | "detail">): Subject | undefined {
  const subject = actions[actionOf(entry)].subject;
  const id = entry.subject;
  if (!subject || !id) return undefined;
  // Earlier versions named the case.
  if (subject === "conversation" && !id.startsWith("conv_")) return undefined;
  if (subject === "model") {
    if (isOff(entry)) return undefined;
    // A server of one model is named by its address.
    return { kind: subject, id: textOf(entry, "model") ?? textOf(entry, "base_url") ?? id };
  }
  // What it was called from then on; without a title, its name.
  if (entry.action === "collection.renamed")
    return { kind: "collection", id, name: textOf(entry, "title") ?? (formerName(entry) ? id : undefined) };
  if (subject === "run") return { kind: subject, id, name: textOf(entry, "suite") };
  if (subject !== "entry") return { kind: subject, id };
  // `collection/id`; a command names a collection, an id or an address.
  const [collection, ...rest] = id.split("/");
  return collection && rest.length < 2 ? { kind: "collection", id: collection } : { kind: "text", id };
}

/** The task of a model that was chosen or removed, and the id of the agent that it was for. */
export function scopeOf({ action, subject }: Pick<Entry, "action" | "subject">) {
  const [role = "", agent] = subject.split("/");
  const isChoice = action === "model.set" || action === "model.removed";
  return isChoice && isRole(role) ? { role, agent } : undefined;
}

/** Whether no model was chosen for a task, instead of one. */
export const isOff = (entry: Pick<Entry, "action" | "detail">) =>
  entry.action === "model.set" && textOf(entry, "provider") === "off";

export type Day = { at: number; entries: Entry[] };

/** The entries of each day in the reader's time zone, in the order of the list. */
export function daysOf(entries: readonly Entry[]): Day[] {
  const days: Day[] = [];
  for (const entry of entries) {
    const last = days.at(-1);
    const at = new Date(entry.created_at).setHours(0, 0, 0, 0);
    if (last?.at === at) last.entries.push(entry);
    else days.push({ at, entries: [entry] });
  }
  return days;
}

/** Periods that can be chosen, in days. The first is today. */
export const periods = [1, 7, 30, 90] as const;

/** The start of the first of the last days. */
export function sinceOf(days: number, now: number): number {
  const first = new Date(now);
  first.setDate(first.getDate() - days + 1);
  return first.setHours(0, 0, 0, 0);
}
