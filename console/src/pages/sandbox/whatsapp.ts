// WhatsApp's formatting: *bold*, _italic_, ~struck~ and ```code```, with marks at word boundaries, on one line.

export type Run = { text: string; look?: "bold" | "italic" | "struck" | "code" };

const looks: Record<string, Run["look"]> = { "*": "bold", _: "italic", "~": "struck" };
const marked = /```([\s\S]+?)```|`([^`\n]+)`|(?<![\p{L}\p{N}])([*_~])(?=\S)([^\n]*?\S)\3(?![\p{L}\p{N}])/gu;

/** The formatted runs of a text. Nested marks stay as written. */
export function runs(text: string): Run[] {
  const out: Run[] = [];
  let at = 0;
  for (const match of text.matchAll(marked)) {
    if (match.index > at) out.push({ text: text.slice(at, match.index) });
    const code = match[1] ?? match[2];
    const mark = match[3];
    if (code !== undefined) out.push({ text: code, look: "code" });
    else if (mark) out.push({ text: match[4] ?? "", look: looks[mark] });
    at = match.index + match[0].length;
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
