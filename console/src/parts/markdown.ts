// Between Markdown, in which answers are written, and WhatsApp's marks, in which they are sent.
import { runs } from "./whatsapp";

// Code is left as it is.
const code = /(```[\s\S]*?```|`[^`\n]+`)/;
/** Stands for a bold mark until italics are converted: what is bold in WhatsApp is italic in Markdown. */
const bold = "\u0001";

function converted(markdown: string): string {
  return markdown
    .replace(/^(\s*)[-*+][ \t]+/gm, "$1• ")
    .replace(/(\*\*|__)(?=[^\s*_])([^\n]{1,1000}?)(?<=\S)\1/g, `${bold}$2${bold}`)
    .replace(/^#{1,6}[ \t]+([^\n]+)$/gm, (_, title: string) => `${bold}${title.replaceAll(bold, "")}${bold}`)
    .replace(/(?<![*\p{L}\p{N}])\*(?=[^\s*])([^*\n]{1,1000}?)(?<=\S)\*(?![*\p{L}\p{N}])/gu, "_$1_")
    .replace(/~~(?=\S)([^\n]{1,1000}?)(?<=\S)~~/g, "~$1~")
    .replace(/\[([^\]\n]{1,500})\]\(([^)\s]{1,2000})\)/g, "$1 ($2)")
    .replaceAll(bold, "*");
}

/** Markdown with WhatsApp's marks, about as the server converts it: for a text before it is sent. */
export function toWhatsApp(markdown: string): string {
  return markdown
    .split(code)
    .map((part, at) => (at % 2 === 1 ? part : converted(part)))
    .join("");
}

const marks = { bold: "**", italic: "_", struck: "~~", code: "`" } as const;

/** A text that was sent, as the Markdown that becomes it. */
export function toMarkdown(text: string): string {
  return runs(text)
    .map(({ text: words, look }) => {
      if (!look) return words;
      const mark = look === "code" && /[`\n]/.test(words) ? "```" : marks[look];
      return `${mark}${words}${mark}`;
    })
    .join("");
}
