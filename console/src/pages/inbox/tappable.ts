// A message with something to tap, as a person writes it: choices or a link below a text, within WhatsApp's limits.
import type { Schemas } from "@/api/client";

/** What stands below a text. */
export type Tappable = Pick<Schemas["Reply"], "choices" | "link">;

export type TappableDraft = {
  kind: "choices" | "link";
  titles: string[];
  /** The label of the button that opens the list. */
  list: string;
  label: string;
  url: string;
};

export type TappableProblem = "text" | "long" | "options" | "same" | "list" | "label" | "url";

export const MOST_OPTIONS = 10;
/** Longest labels: of a row of a list, and of any button. */
export const LONGEST_TITLE = 24;
export const LONGEST_LABEL = 20;
const MOST_BUTTONS = 3;
const LONGEST_TEXT = { buttons: 1024, list: 4096 };

/** The labels that were filled in. */
export const titlesOf = ({ titles }: TappableDraft) => titles.map((title) => title.trim()).filter(Boolean);

/** Whether choices are shown as a list: they are too many or too long for buttons. */
export function isList(draft: TappableDraft): boolean {
  const titles = titlesOf(draft);
  return titles.length > MOST_BUTTONS || titles.some((title) => title.length > LONGEST_LABEL);
}

/** The longest text above it, in characters. */
export const longestText = (draft: TappableDraft) =>
  draft.kind === "choices" && isList(draft) ? LONGEST_TEXT.list : LONGEST_TEXT.buttons;

/** A whole address of the web. */
function isAddress(url: string): boolean {
  if (/\s/.test(url) || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return false;
  return new URL(url).hostname.includes(".");
}

/** Why it cannot be sent yet. */
export function problemOf(text: string, draft: TappableDraft): TappableProblem | undefined {
  if (!text.trim()) return "text";
  if (text.trim().length > longestText(draft)) return "long";
  if (draft.kind === "link") {
    if (!draft.label.trim()) return "label";
    return isAddress(draft.url.trim()) ? undefined : "url";
  }
  const titles = titlesOf(draft);
  if (titles.length === 0) return "options";
  if (new Set(titles.map((title) => title.toLowerCase())).size < titles.length) return "same";
  return isList(draft) && !draft.list.trim() ? "list" : undefined;
}

/** What is sent below the text. */
export function tappableOf(draft: TappableDraft): Tappable {
  if (draft.kind === "link") return { link: { label: draft.label.trim(), url: draft.url.trim() } };
  const options = titlesOf(draft).map((title) => ({ title }));
  return { choices: isList(draft) ? { options, list: draft.list.trim() } : { options } };
}
