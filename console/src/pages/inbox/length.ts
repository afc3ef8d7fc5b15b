// How long a message may be: WhatsApp's limits for a text and for the caption of a file, in characters.

const TEXT = 4_096;
const CAPTION = 1_024;

/** The characters that are left, negative when there are too many, and whether they are so few that it is said. */
export function lengthOf(text: string, isCaption: boolean): { left: number; isNear: boolean } {
  const most = isCaption ? CAPTION : TEXT;
  const left = most - [...text].length;
  return { left, isNear: left >= 0 && left < most / 8 };
}
