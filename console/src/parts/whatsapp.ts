// WhatsApp's formatting: *bold*, _italic_, ~struck~ and ```code```, with marks at word boundaries, on one line.
import { pieces } from "./links";

export type Run = { text: string; look?: "bold" | "italic" | "struck" | "code" };

const looks: Record<string, Run["look"]> = { "*": "bold", _: "italic", "~": "struck" };
// Marks that are further apart are no marks: a text of many stars would take forever.
const marked =
  /```([\s\S]+?)```|`([^`\n]+)`|(?<![\p{L}\p{N}])([*_~])(?=\S)([^\n]{0,1000}?\S)\3(?![\p{L}\p{N}])/gu;

/** The text with its addresses as letters of the same length: marks within an address are part of it. */
function masked(text: string): string {
  return pieces(text)
    .map((piece) => (piece.href ? "a".repeat(piece.text.length) : piece.text))
    .join("");
}

/** The formatted runs of a text. Nested marks stay as written. */
export function runs(text: string): Run[] {
  const out: Run[] = [];
  let at = 0;
  for (const match of masked(text).matchAll(marked)) {
    if (match.index > at) out.push({ text: text.slice(at, match.index) });
    const edge = match[1] === undefined ? 1 : 3;
    const end = match.index + match[0].length;
    const look = match[3] ? looks[match[3]] : "code";
    out.push({ text: text.slice(match.index + edge, end - edge), look });
    at = end;
  }
  if (at < text.length) out.push({ text: text.slice(at) });
  return out;
}

/** The text without formatting marks. */
export function plain(text: string): string {
  return runs(text)
    .map((run) => run.text)
    .join("");
}

/** A reply as it was sent, without the line at its end that names its sources. */
export function withoutSources(text: string): string {
  return text.replace(/(?:^|\n)📄 _[^\n]*_\s*$/u, "").trimEnd();
}
