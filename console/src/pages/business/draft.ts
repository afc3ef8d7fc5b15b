// The agent of a business as its documents suggest it and a person reviews it, and its prompt file.
import { readPrompt, withHeader } from "@/parts/promptFile";

export type Draft = {
  name: string;
  languages: string[];
  /** Opening hours, a line each. */
  hours: string;
  keywords: string[];
};

/** The full address of a website as it was typed; undefined if it is none. */
export function addressOf(typed: string): string | undefined {
  const text = typed.trim();
  const address = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  if (/\s/.test(text) || !URL.canParse(address)) return undefined;
  const { protocol, hostname, href } = new URL(address);
  return /^https?:$/.test(protocol) && /\.|^localhost$/.test(hostname) ? href : undefined;
}

/** Longest short name that leaves room for a number, in characters. */
const longest = 55;

/** This short name, or with the first number that makes it new. */
export function unused(name: string, taken: string[]): string {
  const short = name.slice(0, longest).replace(/-+$/, "");
  if (!taken.includes(short)) return short;
  for (let count = 2; ; count += 1) if (!taken.includes(`${short}-${count}`)) return `${short}-${count}`;
}

/** The name of the collection of a website: `green-kettle` of https://www.green-kettle.co.uk. */
export function collectionOf(address: string, taken: string[]): string {
  const { hostname } = new URL(address);
  const [label = ""] = hostname.replace(/^www\./, "").split(".");
  const name = label.toLowerCase().replace(/[^a-z0-9-]/g, "");
  return unused(/[a-z]/.test(name) ? name : "website", taken);
}

/** A prompt file with what was reviewed in place of what it has. `heading` stands above the hours. */
export function reviewed(source: string, draft: Draft, collection: string, heading: string): string {
  const list = (words: string[]) => (words.length > 0 ? words : undefined);
  let out = withHeader(source, ["name"], draft.name.trim());
  out = withHeader(out, ["knowledge"], [collection]);
  out = withHeader(out, ["languages"], list(draft.languages));
  // An empty list alone would leave a header `handoff` without keys.
  if (draft.keywords.length > 0 || readPrompt(out).header.has("handoff"))
    out = withHeader(out, ["handoff", "keywords"], draft.keywords);
  // Braces are of the prompt's template language.
  const lines = draft.hours.replace(/[{}]/g, "").split("\n");
  const hours = lines.map((line) => line.trim()).filter(Boolean);
  if (hours.length === 0) return out;
  return `${out.trimEnd()}\n\n${heading}\n${hours.map((line) => `- ${line}`).join("\n")}\n`;
}
