// Which of a question's words are in a passage, so that they can be marked. The server counts by stems; this is near enough for eyes.

/** The text in pieces; those that are `found` begin like a word of the question. */
export type Piece = { text: string; found: boolean };

const bare = (word: string) => word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Words of three letters and more: shorter ones are in every passage. */
function stems(question: string): string[] {
  const words = question.match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return words
    .map(bare)
    .filter((word) => word.length > 2)
    .map((word) => (word.length > 5 ? word.slice(0, word.length - 2) : word));
}

export function pieces(text: string, question: string): Piece[] {
  const wanted = stems(question);
  const all: Piece[] = [];
  for (const [part] of text.matchAll(/[\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+/gu)) {
    const word = bare(part);
    const found = wanted.some((stem) => word.startsWith(stem) && word.length < stem.length + 5);
    const before = all.at(-1);
    if (before && !found && !before.found) before.text += part;
    else all.push({ text: part, found });
  }
  return all;
}
