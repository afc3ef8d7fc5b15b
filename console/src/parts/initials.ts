// What stands in a customer's avatar.

/** Hues that stand for nobody: those of the bot, of a person and of what needs a reply are left out. */
const hues = [285, 325, 255, 50, 95, 0];

/** The first letters of the first and the last word; empty where no word begins with a letter, as in a phone. */
export function initialsOf(name: string): string {
  const letters = name.split(/\s+/).flatMap((word) => /^\p{L}\p{M}*/u.exec(word) ?? []);
  const [first = "", ...rest] = letters;
  // Two Arabic letters would join into a word.
  const last = /\p{Script=Arabic}/u.test(first) ? "" : (rest.at(-1) ?? "");
  return (first + last).toLocaleUpperCase();
}

/** The hue of an id, in degrees: the same on every page and every day. */
export function hueOf(id: string): number {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return hues[sum % hues.length] ?? 0;
}
