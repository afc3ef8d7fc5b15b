// A case as its suite's file has it. Customers' words are no templates there: what would begin a tag is escaped, as
// the server does when it saves them.
import { stringify } from "yaml";
import type { Schemas } from "@/api/client";
import type { Check } from "./checks";

export type Draft = { title: string; text: string; history: Schemas["EarlierMessage"][]; checks: Check[] };

/** Maximum length of a title; the server cuts longer ones. */
export const MAX_TITLE = 60;

/** The first words of a text, which are the title of a case that has none. */
export function firstWords(text: string): string {
  const letters = [...text.split(/\s+/).filter(Boolean).join(" ")];
  if (letters.length <= MAX_TITLE) return letters.join("");
  return `${letters
    .slice(0, MAX_TITLE - 1)
    .join("")
    .trimEnd()}…`;
}

/** A text as a template that renders to it. */
export function literal(text: string): string {
  const file = text.startsWith("file://");
  const end = text.endsWith("\n");
  const between = text.slice(file ? "file://".length : 0, end ? -1 : undefined);
  const escaped = between.replace(/\{(?=[{%#]|$)/g, '{{ "{" }}');
  return (file ? '{{ "file://" }}' : "") + escaped + (end ? '{{ "\\n" }}' : "");
}

/** The value with every text in it as a template. */
function literally(value: unknown): unknown {
  if (typeof value === "string") return literal(value);
  if (Array.isArray(value)) return value.map(literally);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, literally(one)]));
}

/** The case as an entry of `tests` in a suite. */
export function caseYaml({ title, text, history, checks }: Draft): string {
  const lines = history.map(({ speaker, text }) => ({ [speaker]: literal(text) }));
  return stringify(
    [
      {
        description: firstWords(title) || firstWords(text),
        vars: { message: literal(text.trim()) },
        assert: checks.map((check) => ({
          ...check,
          ...("value" in check && { value: literally(check.value) }),
        })),
        ...(lines.length > 0 && { options: { history: lines } }),
      },
    ],
    { lineWidth: 0 },
  );
}

/** A check as an entry of `assert`. */
export const checkYaml = (check: Check) => stringify(check, { lineWidth: 0 }).trimEnd();
