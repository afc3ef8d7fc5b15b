// Splits text into words and addresses. Addresses become links; the rest stays text.

export type Piece = { text: string; href?: string };

/**
 * What stands before an @ has up to 64 letters; without that limit, text of many dots takes forever. The look
 * behind keeps the end of a longer one from becoming another address.
 */
const address = /\b(?:https?:\/\/|www\.)[^\s<>"'`]+|\b(?<!\w[.+-]*)[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+/giu;
/** Punctuation that ends a sentence, not an address. */
const tail = ".,;:!?…،؛؟'\"»”’*_~";
const brackets = ["()", "[]", "{}"];

/** Trims an address's end. A closing bracket stays only if it was opened within the address. */
function trimmed(found: string): string {
  // How many more of each bracket are closed than opened.
  const spare = brackets.map(([open, close]) => {
    let count = 0;
    for (const letter of found) count += letter === close ? 1 : letter === open ? -1 : 0;
    return count;
  });
  let end = found.length;
  for (; end > 0; end--) {
    const last = found.charAt(end - 1);
    const at = brackets.findIndex((pair) => pair.endsWith(last));
    const extra = spare[at] ?? 0;
    if (extra > 0) spare[at] = extra - 1;
    else if (!tail.includes(last)) break;
  }
  return found.slice(0, end);
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
