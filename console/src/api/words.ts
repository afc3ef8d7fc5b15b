// The words of a closed set as a list. TypeScript checks that a `Record` of them has every word; nothing checks that of a list.

/** Every word of a closed set, in the order of a record of them. */
export function wordsOf<R extends object>(record: R): Extract<keyof R, string>[] {
  const words: Extract<keyof R, string>[] = [];
  for (const word in record) words.push(word);
  return words;
}
