// Code in a text, between backticks.

/** A text in pieces: what stands between backticks is code. */
export function marked(text: string): { text: string; code: boolean }[] {
  const pieces = text.split("`").map((piece, at) => ({ text: piece, code: at % 2 === 1 }));
  return pieces.filter((piece) => piece.text !== "");
}
