// Diffs of two texts: by words, split by each language's rules, or by lines.
import { diffArrays } from "diff";

export type Kind = "same" | "gone" | "new";
/** A run of text that is in both, only in the earlier, or only in the later one. */
export type Piece = { text: string; kind: Kind };
/** A line with its numbers in both texts; or the number of unchanged lines left out. */
export type Row =
  | { kind: Kind; before?: number; after?: number; pieces: Piece[] }
  | { kind: "skipped"; count: number };

const segments = new Intl.Segmenter(undefined, { granularity: "word" });

function wordsOf(text: string): string[] {
  return Array.from(segments.segment(text), ({ segment }) => segment);
}

function kindOf(change: { added: boolean; removed: boolean }): Kind {
  return change.removed ? "gone" : change.added ? "new" : "same";
}

/** The word diff, in order. */
export function wordDiff(before: string, after: string): Piece[] {
  const pieces: Piece[] = [];
  for (const change of diffArrays(wordsOf(before), wordsOf(after)))
    pieces.push({ text: change.value.join(""), kind: kindOf(change) });
  return joined(pieces);
}

/** Merges a lone space between two changed words into the change, because word-by-word marks are hard to read. */
function joined(pieces: Piece[]): Piece[] {
  const out: Piece[] = [];
  let gone = "";
  let added = "";
  const flush = () => {
    if (gone) out.push({ text: gone, kind: "gone" });
    if (added) out.push({ text: added, kind: "new" });
    gone = "";
    added = "";
  };
  pieces.forEach((piece, at) => {
    if (piece.kind === "gone") gone += piece.text;
    else if (piece.kind === "new") added += piece.text;
    else if (/^[ \t]+$/.test(piece.text) && gone && added && at < pieces.length - 1) {
      gone += piece.text;
      added += piece.text;
    } else {
      flush();
      out.push(piece);
    }
  });
  flush();
  return out;
}

/** How similar two lines are, from 0 to 1. */
function likeness(pieces: Piece[]): number {
  const size = (kind: Kind) =>
    pieces.filter((piece) => piece.kind === kind).reduce((sum, { text }) => sum + text.trim().length, 0);
  const same = size("same");
  return same / Math.max(1, same + Math.max(size("gone"), size("new")));
}

function linesOf(text: string): string[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** The line diff, with `context` unchanged lines around each change. Similar changed lines have their words marked. */
export function lineDiff(before: string, after: string, context = 3): Row[] {
  const rows: Row[] = [];
  let [left, right] = [0, 0];
  const line = (text: string, kind: Kind): Row => ({
    kind,
    before: kind === "new" ? undefined : ++left,
    after: kind === "gone" ? undefined : ++right,
    pieces: [{ text, kind }],
  });
  const changes = diffArrays(linesOf(before), linesOf(after));
  for (let at = 0; at < changes.length; at++) {
    const change = changes[at];
    if (!change) continue;
    const next = changes[at + 1];
    const first = change.value.map((text) => line(text, kindOf(change)));
    if (change.removed && next?.added) {
      const second = next.value.map((text) => line(text, "new"));
      markWords(first, second, change.value, next.value);
      rows.push(...first, ...second);
      at++;
    } else rows.push(...first);
  }
  return folded(rows, context);
}

function markWords(gone: Row[], added: Row[], before: string[], after: string[]) {
  for (let at = 0; at < Math.min(gone.length, added.length); at++) {
    const pieces = wordDiff(before[at] ?? "", after[at] ?? "");
    const [left, right] = [gone[at], added[at]];
    if (likeness(pieces) < 0.3 || left?.kind === "skipped" || right?.kind === "skipped") continue;
    if (left) left.pieces = pieces.filter(({ kind }) => kind !== "new");
    if (right) right.pieces = pieces.filter(({ kind }) => kind !== "gone");
  }
}

function folded(rows: Row[], context: number): Row[] {
  const near = rows.map(() => false);
  rows.forEach((row, at) => {
    if (row.kind === "same") return;
    for (let by = -context; by <= context; by++) if (near[at + by] !== undefined) near[at + by] = true;
  });
  const out: Row[] = [];
  rows.forEach((row, at) => {
    const last = out.at(-1);
    if (near[at]) out.push(row);
    else if (last?.kind === "skipped") last.count++;
    else out.push({ kind: "skipped", count: 1 });
  });
  return out;
}

/** The numbers of removed and added lines. */
export function lineCounts(rows: Row[]): { gone: number; added: number } {
  return {
    gone: rows.filter(({ kind }) => kind === "gone").length,
    added: rows.filter(({ kind }) => kind === "new").length,
  };
}
