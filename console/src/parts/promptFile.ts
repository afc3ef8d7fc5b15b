// A prompt file: a YAML header between two lines of dashes, then the system prompt. Unchanged parts stay byte
// for byte as written, so that a diff shows only the intended change.
import { type Document, isMap, isNode, isScalar, isSeq, parseDocument } from "yaml";
import { added, listed, removed, replaced, unlisted } from "./headerEdit";
import { shape } from "./promptBody";

export type PromptFile = { header: Document; body: string };

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
  const whole = changed(source, path, (header) => {
    if (value === undefined) header.deleteIn(path);
    else header.setIn(path, header.createNode(value));
  });
  const there = headerValue(source, path) !== undefined;
  return edited(source, whole, (text) => {
    if (value === undefined) return removed(text, path);
    return there ? replaced(text, path, value) : added(text, path, value);
  });
}

/** The file with these entries in a list of its header. Entries that stay keep their place and comments. */
export function withList(source: string, path: string[], words: string[]): string {
  const list = readPrompt(source).header.getIn(path, true);
  if (!isSeq(list) || words.length === 0)
    return withHeader(source, path, words.length > 0 ? words : undefined);
  const before = list.items.map((item) => String(isScalar(item) ? item.value : item));
  const gone = [...before.keys()].filter((at) => !words.includes(before[at] ?? "")).reverse();
  const fresh = words.filter((word) => !before.includes(word));
  const whole = changed(source, path, (header) => {
    const list = header.getIn(path, true);
    if (!isSeq(list)) return;
    for (const at of gone) list.delete(at);
    for (const word of fresh) list.add(header.createNode(word));
  });
  return edited(source, whole, (text) => {
    let now: string | undefined = text;
    // The new ones first: a list that were empty in between would have no style to follow.
    for (const word of fresh) now = now === undefined ? now : listed(now, path, word);
    for (const at of gone) now = now === undefined ? now : unlisted(now, path, at);
    return now;
  });
}

/** The file with its header edited as text; `whole`, the one written anew, if that does not say the same. */
function edited(source: string, whole: string, edit: (text: string) => string | undefined): string {
  const text = shape.exec(source)?.[1];
  if (text === undefined || readPrompt(source).header.errors.length > 0) return whole;
  const now = edit(text);
  if (now === undefined) return whole;
  const start = source.indexOf("\n") + 1;
  const file = source.slice(0, start) + now + source.slice(start + text.length);
  const said = (one: string) => {
    const { header, body } = readPrompt(one);
    return JSON.stringify([header.errors.length, header.toJS(), body]);
  };
  return said(file) === said(whole) ? file : whole;
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
