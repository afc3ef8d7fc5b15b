// What must hold of an answer: the checks that have words and a field here. Others are kept as they are.
import type { Schemas } from "@/api/client";
import { wordsOf } from "@/api/words";

export type Check = Schemas["NewCheck"];

/** How the value of a check is entered. */
type Field = "none" | "line" | "text" | "language" | "document";

const fields = {
  answered: "none",
  "rouge-n": "text",
  icontains: "line",
  "not-icontains": "line",
  "handed-off": "none",
  language: "language",
  retrieved: "document",
  "llm-rubric": "text",
} as const satisfies Record<string, Field>;

export type Kind = keyof typeof fields;
export const kinds = wordsOf(fields);
export const fieldOf = (kind: Kind): Field => fields[kind];

/** The threshold of a new check; the API's own default for a saved reply. */
const thresholds: Partial<Record<Kind, number>> = { "rouge-n": 0.5 };

/** A new check of a kind, without a value. */
export function newCheck(kind: Kind): Check {
  const value = fields[kind] === "none" ? {} : { value: "" };
  const threshold = thresholds[kind];
  return { type: kind, ...value, ...(threshold === undefined ? {} : { threshold }) };
}

/** The kind of a check whose value fits its field; undefined for any other, which is shown as it is. */
export function kindOf({ type, value }: Check): Kind | undefined {
  const kind = kinds.find((one) => one === type);
  if (!kind) return undefined;
  const fits = fields[kind] === "none" ? value == null : typeof value === "string";
  return fits ? kind : undefined;
}

/** The value of a check that has a field; else empty. */
export const textOf = ({ value }: Check) => (typeof value === "string" ? value : "");

/** Whether the check lacks the value that its field asks for. */
export function isUnfilled(check: Check): boolean {
  const kind = kindOf(check);
  return !!kind && fields[kind] !== "none" && !textOf(check).trim();
}

/** The text that an answer is compared with: what the bot should say. */
export function expectedOf(checks: Check[]): string {
  return textOf(checks.find((check) => kindOf(check) === "rouge-n") ?? { type: "" });
}
