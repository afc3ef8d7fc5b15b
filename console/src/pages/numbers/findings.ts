// What a provider says about a number, told apart by what it means: nothing works, it works but something needs
// attention, or it is only good to know.
import type { Schemas } from "@/api/client";

/** The worst first. */
export const levels = ["error", "warning", "info"] as const;
export type Level = (typeof levels)[number];

/**
 * What customers notice. `silent`: they get no answer. `replies`: they are answered when they write, and may not be
 * written to first. `pending`: they are answered for now. `window`: who wrote more than a day ago is not reached.
 */
export type Effect = "silent" | "replies" | "pending" | "window";

type Meaning = { level: Level; effect?: Effect };

/** Only what raises a warning of a number has an effect here; the other words are alerts that pass. */
export const meanings: Record<Schemas["AlertCode"], Meaning> = {
  account_banned: { level: "error", effect: "silent" },
  account_deleted: { level: "error", effect: "silent" },
  account_disconnected: { level: "error", effect: "silent" },
  number_disconnected: { level: "error", effect: "silent" },
  server_unreachable: { level: "error", effect: "silent" },
  account_ban_planned: { level: "warning", effect: "pending" },
  account_restricted: { level: "warning", effect: "replies" },
  account_not_approved: { level: "warning", effect: "replies" },
  account_violation: { level: "warning", effect: "pending" },
  account_warning: { level: "warning", effect: "pending" },
  quality_low: { level: "warning", effect: "pending" },
  template_unusable: { level: "warning", effect: "window" },
  template_quality_low: { level: "warning", effect: "pending" },
  limit_lowered: { level: "warning" },
  name_not_approved: { level: "warning" },
  message_unreadable: { level: "warning" },
  unknown_number: { level: "warning" },
  notice_lost: { level: "warning" },
  provider_error: { level: "warning" },
  quality_recovered: { level: "info" },
  limit_raised: { level: "info" },
  account_reinstated: { level: "info" },
  account_reconnected: { level: "info" },
  security_changed: { level: "info" },
  call_missed: { level: "info" },
  import_failed: { level: "info" },
};

/** A newer server may raise a warning that this page does not know. */
const unknown: Meaning = { level: "warning" };

export const meaningOf = ({ code }: Pick<Schemas["NumberWarning"], "code">): Meaning =>
  (code && meanings[code]) ?? unknown;

/** Warnings by what they mean, the worst first; each level only if there is one. */
export function byLevel(warnings: Schemas["NumberWarning"][]) {
  const of = (level: Level) => warnings.filter((warning) => meaningOf(warning).level === level);
  return levels.map((level) => ({ level, warnings: of(level) })).filter((group) => group.warnings.length > 0);
}

/** Whether a warning says that a number is not linked to its phone, as the state of its link does. */
export const isOfLink = ({ code }: Pick<Schemas["NumberWarning"], "code">) =>
  code === "number_disconnected" || code === "server_unreachable";

/** Whether a warning says that nothing works. */
export const isBlocked = ({ warnings }: Pick<Schemas["Number"], "warnings">) =>
  warnings.some((warning) => meaningOf(warning).level === "error");

/** A number's quality as its customers rate it. `other`: a word that this page does not know. */
export type Quality = "good" | "medium" | "low" | "unrated" | "other";

const ratings: Partial<Record<string, Quality>> = {
  GREEN: "good",
  YELLOW: "medium",
  RED: "low",
  NA: "unrated",
  UNKNOWN: "unrated",
  "not rated": "unrated",
};

/** The rating at the end of a provider's description of a number; nothing if there is none. */
export function qualityOf(description: string | null | undefined) {
  const word = /, quality ([^,]+)$/.exec(description ?? "")?.[1];
  return word ? { word, quality: ratings[word] ?? "other" } : undefined;
}
