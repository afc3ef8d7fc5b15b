// Finds a question's words in a passage, to mark them. The server matches stems; comparing word beginnings is
// close enough here.

/** A piece of text; `found`: it begins like a word of the question. */
export type Piece = { text: string; found: boolean };

const bare = (word: string) => word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Only words of three letters or more: shorter ones occur in every passage. */
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
