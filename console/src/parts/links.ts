// Splits text into words and addresses. Addresses become links; the rest stays text.

export type Piece = { text: string; href?: string };

const address = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+/giu;
/** Punctuation that ends a sentence, not an address. */
const tail = /[.,;:!?…،؛؟'"»”’*_~]+$/u;

/** Trims an address's end. A closing bracket stays only if it was opened within the address. */
function trimmed(found: string): string {
  let text = found.replace(tail, "");
  for (const [open, close] of [
    ["(", ")"],
    ["[", "]"],
    ["{", "}"],
  ] as const) {
    while (text.endsWith(close) && text.split(close).length > text.split(open).length)
      text = text.slice(0, -1).replace(tail, "");
  }
  return text;
}

/** The link target; only web and mail addresses have one. */
function target(text: string): string | undefined {
  if (/^https?:\/\//i.test(text) || /^www\./i.test(text)) {
    const whole = text.includes("://") ? text : `https://${text}`;
    return URL.canParse(whole) && new URL(whole).hostname.includes(".") ? new URL(whole).href : undefined;
  }
  return `mailto:${text}`;
}

export function pieces(text: string): Piece[] {
  const all: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const found = trimmed(match[0]);
    const href = found ? target(found) : undefined;
    if (!href) continue;
    if (match.index > end) all.push({ text: text.slice(end, match.index) });
    all.push({ text: found, href });
    end = match.index + found.length;
  }
  if (end < text.length) all.push({ text: text.slice(end) });
  return all;
}
