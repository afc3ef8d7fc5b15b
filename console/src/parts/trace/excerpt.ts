// The sentences of a passage on which an answer rests. Works on words alone, in any language.
import { toWhatsApp } from "../markdown";
import { plain } from "../whatsapp";
import type { Trace } from "./trace";

/** A share of a statement's words that a sentence must have for the statement to rest on it. */
const SHARED = 0.25;
/** Sentences that an excerpt has at most. */
const MOST = 3;

// The language makes hardly a difference to either.
const segmenters: { sentence?: Intl.Segmenter; word?: Intl.Segmenter } = {};
const by = (granularity: "sentence" | "word") =>
  (segmenters[granularity] ??= new Intl.Segmenter(undefined, { granularity }));

const begins = /^(?:[-*+•]\s|\d+[.)]\s|#{1,6}\s|>|\||```)/;
/** A line of a table's or a page's frame, or around code. */
const frame = /^(?:[\s|:+=_*-]+|```.*)$/;

/** The paragraphs, list items, headings and rows of a text, each in one line. */
function blocks(markdown: string): string[] {
  const all: string[] = [];
  let goesOn = false;
  for (const line of markdown.split(/\r?\n/)) {
    const text = line.trim();
    if (frame.test(text) || !text) {
      goesOn = false;
      continue;
    }
    if (goesOn && !begins.test(text)) all.push(`${all.pop()} ${text}`);
    else all.push(text);
    goesOn = !/^[|#]/.test(text);
  }
  return all;
}

function bare(block: string): string {
  const cells = block.startsWith("|") ? block.split("|").map((cell) => cell.trim()) : [block];
  const text = cells.filter(Boolean).join(" · ");
  return plain(toWhatsApp(text.replace(begins, ""))).trim();
}

/** The sentences of a passage, without Markdown's marks; a row of a table is one. */
export function sentencesOf(markdown: string): string[] {
  return blocks(markdown)
    .flatMap((block) =>
      block.startsWith("|")
        ? [bare(block)]
        : Array.from(by("sentence").segment(bare(block)), ({ segment }) => segment.trim()),
    )
    .filter(Boolean);
}

/** A word without accents; the beginning of a longer one, so that its other forms count as the same word. */
function stem(word: string): string {
  const folded = word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]{5,}$/u.test(folded)
    ? folded.slice(0, 4)
    : folded;
}

const wordsIn = (text: string) =>
  new Set(
    Array.from(by("word").segment(text), ({ segment, isWordLike }) =>
      isWordLike ? stem(segment) : "",
    ).filter(Boolean),
  );

/** The place of the sentence that has most words in common with a statement; rare words count more. */
function nearest(statement: string, sentences: readonly Set<string>[]): number | undefined {
  const wanted = wordsIn(statement);
  let best: { at: number; score: number } | undefined;
  sentences.forEach((words, at) => {
    const common = [...words].filter((word) => wanted.has(word));
    if (common.length <= wanted.size * SHARED) return;
    const rarity = (word: string) => 1 / sentences.filter((one) => one.has(word)).length;
    const score = common.reduce((sum, word) => sum + rarity(word), 0);
    if (score > (best?.score ?? 0)) best = { at, score };
  });
  return best?.at;
}

/**
 * The sentences of a passage that the statements rest on, in the passage's order. A passage of one sentence is
 * its own excerpt; none if no sentence shares enough words, as where the answer is in another language.
 */
export function excerpt(passage: string, statements: readonly string[]): string[] {
  const sentences = sentencesOf(passage);
  if (sentences.length < 2) return sentences;
  const words = sentences.map(wordsIn);
  const found = statements.flatMap((one) => nearest(one, words) ?? []);
  const chosen = new Set(found.slice(0, MOST));
  return sentences.filter((_, at) => chosen.has(at));
}

const marks = /\s*\[\d+(?:\s*,\s*\d+)*\]/g;
const marksIn = (text: string) => (text.match(marks) ?? []).flatMap((one) => one.match(/\d+/g) ?? []);

/** A model's output as a customer would get it. */
export const withoutMarks = (raw: string) => toWhatsApp(raw.replace(marks, "")).trim();

/** The sentences of a model's output that cite a passage. A mark may stand after the full stop. */
function citing(raw: string, mark: number): string[] {
  const found: string[] = [];
  let last = "";
  for (const sentence of sentencesOf(raw)) {
    const words = sentence.replace(marks, "").trim();
    const isMarkAlone = !/\p{L}|\p{N}/u.test(words);
    // What begins with a mark may have it from the sentence before.
    const leading = /^(?:\s*\[\d+(?:\s*,\s*\d+)*\])+/.exec(sentence)?.[0] ?? "";
    if (last && marksIn(leading).includes(String(mark))) found.push(last);
    const rest = sentence.slice(leading.length);
    if (!isMarkAlone && marksIn(rest).includes(String(mark))) found.push(words);
    if (!isMarkAlone) last = words;
  }
  return found;
}

/** What an answer states on a passage: as it was checked, else by the marks that the model wrote, else all of it. */
export function statementsOn(mark: number, trace: Trace, answer: string): string[] {
  const verdicts = trace.reply?.checked?.verdicts ?? [];
  const checked = verdicts.filter(({ passage, cited }) => passage === mark || cited.includes(mark));
  if (checked.length > 0) return checked.map(({ text }) => text);
  const cited = citing(trace.reply?.raw ?? "", mark);
  return cited.length > 0 ? cited : sentencesOf(answer || (trace.reply?.raw ?? "").replace(marks, ""));
}
