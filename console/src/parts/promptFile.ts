// A prompt file: a YAML header between two lines of dashes, then the system prompt. Unchanged parts stay byte
// for byte as written, so that a diff shows only the intended change.
import { type Document, isMap, isNode, isScalar, isSeq, parseDocument } from "yaml";

export type PromptFile = { header: Document; body: string };

const shape = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)(?:^|\r?\n)---[ \t]*(?:\r?\n|$)([\s\S]*)$/;

/** Splits a prompt file. Without a header all of it is the system prompt. */
export function readPrompt(source: string): PromptFile {
  const found = shape.exec(source);
  return { header: parseDocument(found?.[1] ?? "{}"), body: found ? (found[2] ?? "") : source };
}

/** Joins header and system prompt. */
export function writePrompt({ header, body }: PromptFile, padded = false): string {
  return `---\n${header.toString({ lineWidth: 0, flowCollectionPadding: padded }).trimEnd()}\n---\n${body}`;
}

/** The header's value at a path such as `["handoff", "keywords"]`, as plain data. */
export function headerValue(source: string, path: string[]): unknown {
  const value = readPrompt(source).header.getIn(path, false);
  return isNode(value) ? value.toJSON() : value;
}

/** The file with another value at a path of its header; `undefined` removes it. */
export function withHeader(source: string, path: string[], value: unknown): string {
  return changed(source, path, (header) => {
    if (value === undefined) header.deleteIn(path);
    else header.setIn(path, header.createNode(value));
  });
}

/** The file with these entries in a list of its header. Entries that stay keep their place and comments. */
export function withList(source: string, path: string[], words: string[]): string {
  const list = readPrompt(source).header.getIn(path, true);
  if (!isSeq(list) || words.length === 0)
    return withHeader(source, path, words.length > 0 ? words : undefined);
  return changed(source, path, (header) => {
    const list = header.getIn(path, true);
    if (!isSeq(list)) return;
    const there = () => list.items.map((item) => String(isScalar(item) ? item.value : item));
    for (let at = list.items.length - 1; at >= 0; at--)
      if (!words.includes(there()[at] ?? "")) list.delete(at);
    const kept = new Set(there());
    for (const word of words) if (!kept.has(word)) list.add(header.createNode(word));
  });
}

/** The file with another system prompt. */
export function withBody(source: string, body: string): string {
  const before = readPrompt(source).body;
  if (before !== source) return source.slice(0, source.length - before.length) + body;
  return writePrompt({ ...readPrompt(source), body });
}

function changed(source: string, path: string[], change: (header: Document) => void): string {
  const file = readPrompt(source);
  const text = shape.exec(source)?.[1] ?? "";
  const sections = sectionsOf(text);
  const [key = ""] = path;
  change(file.header);
  const written = writePrompt(file, /\{ /.test(sections?.of.get(key) ?? ""));
  const after = sectionsOf(shape.exec(written)?.[1] ?? "");
  if (!sections || !after) return written;
  let header = sections.lead;
  for (const [name, section] of after.of) header += (name !== key && sections.of.get(name)) || section;
  return `---\n${header}---\n${file.body}`;
}

/** The text of each top-level key of a header, and what precedes the first; undefined when they cannot be separated. */
function sectionsOf(header: string): { lead: string; of: Map<string, string> } | undefined {
  const text = `${header.replace(/\r\n/g, "\n").trimEnd()}\n`;
  const { contents, errors } = parseDocument(text);
  if (errors.length > 0 || !isMap(contents) || contents.flow) return undefined;
  const starts: { name: string; at: number }[] = [];
  for (const { key } of contents.items) {
    if (!isScalar(key) || !key.range) return undefined;
    starts.push({ name: String(key.value), at: key.range[0] });
  }
  const of = new Map<string, string>();
  starts.forEach(({ name, at }, index) => {
    of.set(name, text.slice(at, starts[index + 1]?.at));
  });
  return { lead: text.slice(0, starts[0]?.at ?? 0), of };
}
