// Closed sets of words (enums of the server): as a list, and as keys of a record. TypeScript checks that a
// `Record` covers every word, but not that a list does. After an update the server may also send words that
// this open page does not know.

/** All words of a closed set, in the order of the record's keys. */
export function wordsOf<R extends object>(record: R): Extract<keyof R, string>[] {
  const words: Extract<keyof R, string>[] = [];
  for (const word in record) words.push(word);
  return words;
}

/** The record's value for a word from the server; the fallback when the word is newer than this page. */
export function known<Word extends string, Value>(
  record: Record<Word, Value>,
  word: Word,
  fallback: Value,
): Value {
  return record[word] ?? fallback;
}
