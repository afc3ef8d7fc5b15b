// The words of a closed set: as a list, and what a record has for one. TypeScript checks that a `Record` of them has every word;
// nothing checks that of a list, nor that the server knows no more words than this page: at every update it is the newer one.

/** Every word of a closed set, in the order of a record of them. */
export function wordsOf<R extends object>(record: R): Extract<keyof R, string>[] {
  const words: Extract<keyof R, string>[] = [];
  for (const word in record) words.push(word);
  return words;
}

/** What a record has for a word of the server's; the fallback where the word is newer than this page. */
export function known<Word extends string, Value>(
  record: Record<Word, Value>,
  word: Word,
  fallback: Value,
): Value {
  return record[word] ?? fallback;
}
