// Edits of a prompt file's YAML header as text: only the characters of the changed value differ. Each edit
// returns undefined where the header is written in a way that it does not know.
import { Document, isMap, isScalar, isSeq, type Pair, parseDocument, Scalar } from "yaml";

type Path = readonly string[];
type Quotes = Scalar["type"];

const quotes: readonly Quotes[] = [Scalar.PLAIN, Scalar.QUOTE_DOUBLE, Scalar.QUOTE_SINGLE];

/** A value on one line, in these quotes unless it needs others. */
function rendered(value: unknown, type: Quotes, inFlow: boolean): string {
  const scalar = new Scalar(value);
  const special = inFlow && typeof value === "string" && /[,[\]{}]/.test(value);
  if (typeof value === "string") scalar.type = special && type === Scalar.PLAIN ? Scalar.QUOTE_DOUBLE : type;
  return new Document(scalar).toString({ lineWidth: 0 }).trimEnd();
}

function spliced(text: string, from: number, to: number, put: string): string {
  return text.slice(0, from) + put + text.slice(to);
}

/** The line around a position: where it begins and ends, without its line break. */
function lineAt(text: string, at: number): [from: number, to: number] {
  const end = text.indexOf("\n", at);
  return [text.lastIndexOf("\n", at - 1) + 1, end < 0 ? text.length : end];
}

/** The text without these lines. */
function withoutLines(text: string, from: number, to: number): string {
  return from > 0 ? spliced(text, from - 1, to, "") : spliced(text, 0, to + 1, "");
}

/** The plain or quoted scalar at a place of the header, and where it stands. */
function place(node: unknown): { from: number; to: number; type: Quotes; value: unknown } | undefined {
  if (!isScalar(node) || !node.range || !quotes.includes(node.type)) return undefined;
  return { from: node.range[0], to: node.range[1], type: node.type, value: node.value };
}

/** With another value in place of one that is there. */
export function replaced(text: string, path: Path, value: unknown): string | undefined {
  const found = place(parseDocument(text).getIn(path, true));
  if (!found || (value !== null && typeof value === "object")) return undefined;
  // Of other values than text, the quotes say nothing.
  const type = typeof found.value === "string" ? found.type : undefined;
  return spliced(text, found.from, found.to, rendered(value, type, true));
}

/** With a word at the end of a list. */
export function listed(text: string, path: Path, word: string): string | undefined {
  const list = parseDocument(text).getIn(path, true);
  if (!isSeq(list)) return undefined;
  const last = place(list.items.at(-1));
  if (!last) return undefined;
  const put = rendered(word, last.type, !!list.flow);
  if (list.flow) return spliced(text, last.to, last.to, `, ${put}`);
  const [from, to] = lineAt(text, last.from);
  const dash = /^(\s*-\s+)/.exec(text.slice(from, last.from))?.[1];
  return dash === undefined || last.to > to ? undefined : spliced(text, to, to, `\n${dash}${put}`);
}

/** Without the entry at this place of a list. */
export function unlisted(text: string, path: Path, at: number): string | undefined {
  const list = parseDocument(text).getIn(path, true);
  if (!isSeq(list) || list.items.length < 2) return undefined;
  const entry = place(list.items[at]);
  if (!entry) return undefined;
  if (!list.flow) {
    const [from, to] = lineAt(text, entry.from);
    const alone = /^\s*-\s+$/.test(text.slice(from, entry.from)) && entry.to <= to;
    return alone ? withoutLines(text, from, to) : undefined;
  }
  const [before, next] = [place(list.items[at - 1]), place(list.items[at + 1])];
  if (at > 0) return before && spliced(text, before.to, entry.to, "");
  return next && spliced(text, entry.from, next.from, "");
}

/** Where a key's value ends, with its line. */
function endOf(text: string, { value }: Pair): number | undefined {
  const range = isScalar(value) || isMap(value) || isSeq(value) ? value.range : undefined;
  return range ? lineAt(text, text.slice(0, range[1]).trimEnd().length)[1] : undefined;
}

/** With a key that is not there yet, in the innermost part of its path that is. */
export function added(text: string, path: Path, value: unknown): string | undefined {
  const header = parseDocument(text);
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const map = depth === 0 ? header.contents : header.getIn(path.slice(0, depth), true);
    if (map === undefined) continue;
    const [first, last] = isMap(map) && !map.flow ? [map.items[0], map.items.at(-1)] : [];
    const end = last && endOf(text, last);
    if (!first || end === undefined || !isScalar(first.key) || !first.key.range) return undefined;
    const indent = " ".repeat(first.key.range[0] - lineAt(text, first.key.range[0])[0]);
    const nested = path.slice(depth).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    const lines = new Document(nested).toString({ lineWidth: 0 }).trimEnd().split("\n");
    return spliced(text, end, end, lines.map((line) => `\n${indent}${line}`).join(""));
  }
  return undefined;
}

/** Without a key and its value. */
export function removed(text: string, path: Path): string | undefined {
  const header = parseDocument(text);
  const map = path.length > 1 ? header.getIn(path.slice(0, -1), true) : header.contents;
  if (!isMap(map) || map.flow) return undefined;
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  const end = pair && endOf(text, pair);
  if (end === undefined || !isScalar(pair?.key) || !pair.key.range) return undefined;
  return withoutLines(text, lineAt(text, pair.key.range[0])[0], end);
}
