// A prompt file: a header in YAML between two lines of dashes, then the system prompt. Changes keep the author's comments and order.
import { type Document, isScalar, isSeq, parseDocument } from "yaml";

export type PromptFile = { header: Document; body: string };

const shape = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)(?:^|\r?\n)---[ \t]*(?:\r?\n|$)([\s\S]*)$/;

/** Takes a prompt file apart. Without a header all of it is the system prompt. */
export function readPrompt(source: string): PromptFile {
  const found = shape.exec(source);
  return { header: parseDocument(found?.[1] ?? "{}"), body: found ? (found[2] ?? "") : source };
}

/** Puts a prompt file together again. */
export function writePrompt({ header, body }: PromptFile): string {
  return `---\n${header.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd()}\n---\n${body}`;
}

/** What the header says under a path, such as `["handoff", "keywords"]`, as plain data. */
export function headerValue(source: string, path: string[]): unknown {
  const value = readPrompt(source).header.getIn(path, false);
  return value && typeof value === "object" && "toJSON" in value
    ? (value as { toJSON(): unknown }).toJSON()
    : value;
}

/** The file with another value under a path of its header; `undefined` takes it out. */
export function withHeader(source: string, path: string[], value: unknown): string {
  const file = readPrompt(source);
  if (value === undefined) file.header.deleteIn(path);
  else file.header.setIn(path, file.header.createNode(value));
  return writePrompt(file);
}

/** The file with another system prompt. */
export function withBody(source: string, body: string): string {
  return writePrompt({ ...readPrompt(source), body });
}

/** The file with these words in a list of its header. Words that stay keep their place and their comments. */
export function withList(source: string, path: string[], words: string[]): string {
  const file = readPrompt(source);
  const list = file.header.getIn(path, true);
  if (!isSeq(list) || words.length === 0)
    return withHeader(source, path, words.length > 0 ? words : undefined);
  const there = () => list.items.map((item) => String(isScalar(item) ? item.value : item));
  for (let at = list.items.length - 1; at >= 0; at--) if (!words.includes(there()[at] ?? "")) list.delete(at);
  const kept = new Set(there());
  for (const word of words) if (!kept.has(word)) list.add(file.header.createNode(word));
  return writePrompt(file);
}
