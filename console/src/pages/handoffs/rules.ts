// Reads and changes the hand-off rules of a prompt file.
import { headerValue, readPrompt, withHeader, withList } from "@/parts/promptFile";

export type Rules = {
  keywords: string[];
  patterns: string[];
  reply: string;
  notify: string[];
  /** undefined: not set in the file; 0: never. */
  returnMinutes: number | undefined;
};

const lines = (value: unknown): string[] =>
  (Array.isArray(value) ? value : value == null ? [] : [value]).map(String).filter((one) => one.trim());

export function readRules(source: string): Rules {
  const minutes = headerValue(source, ["handoff", "return_minutes"]);
  const reply = headerValue(source, ["handoff", "reply"]);
  return {
    keywords: lines(headerValue(source, ["handoff", "keywords"])),
    patterns: lines(headerValue(source, ["handoff", "patterns"])),
    reply: typeof reply === "string" ? reply : "",
    notify: lines(headerValue(source, ["handoff", "notify"])),
    returnMinutes: typeof minutes === "number" ? minutes : undefined,
  };
}

const keys = {
  keywords: "keywords",
  patterns: "patterns",
  reply: "reply",
  notify: "notify",
  returnMinutes: "return_minutes",
} as const;

/** The file with one rule changed. An empty value is removed, so that the default applies. */
export function withRule<K extends keyof Rules>(source: string, key: K, value: Rules[K]): string {
  const isEmpty = value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  const path = ["handoff", keys[key]];
  if (isEmpty && headerValue(source, path) === undefined) return source;
  if (Array.isArray(value) && !isEmpty) return withList(source, path, value);
  return withHeader(source, path, isEmpty ? undefined : value);
}

/** Why the header cannot be edited here; undefined when it can. */
export function wrongHeader(source: string): string | undefined {
  return readPrompt(source).header.errors[0]?.message;
}

/** The list with trimmed entries, without empty ones and duplicates. */
export function tidy(values: string[]): string[] {
  return [...new Set(values.map((one) => one.trim()).filter(Boolean))];
}

/** A piece of a sentence; `hit`: it matches the rule's words. */
export type Piece = { text: string; hit: boolean };

/** The sentence with the keyword's exact occurrence marked, ignoring case. */
export function marked(sentence: string, keyword: string): Piece[] {
  const at = sentence.toLocaleLowerCase().indexOf(keyword.toLocaleLowerCase());
  if (!keyword || at < 0 || sentence.toLocaleLowerCase().length !== sentence.length)
    return [{ text: sentence, hit: false }];
  const end = at + keyword.length;
  return [
    { text: sentence.slice(0, at), hit: false },
    { text: sentence.slice(at, end), hit: true },
    { text: sentence.slice(end), hit: false },
  ].filter(({ text }) => text);
}
