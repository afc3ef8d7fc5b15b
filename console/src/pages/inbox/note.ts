// Why a message was not answered or not sent, in the reader's language.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

/** What Meta's error codes mean: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes */
const refusals = {
  undeliverable: [131_021, 131_026, 131_030, 131_062],
  declined: [130_472, 131_049, 131_050],
  restricted: [368, 130_497, 131_031],
  token: [3, 10, 190, 131_005],
  throttled: [4, 80_007, 130_429, 131_056, 133_016],
  spam: [131_048],
  payment: [131_042],
  file: [131_051, 131_052, 131_053],
  template: [132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016],
  transient: [1, 2, 131_000, 131_016, 131_057, 133_004],
} as const;

type Refusal = keyof typeof refusals;
type NoteFields = Pick<Schemas["Message"], "note" | "note_code"> &
  Partial<Pick<Schemas["Message"], "errors">>;

/** The text for a note: the desk's own code, a meaning of the provider's code, or only the provider's words. */
export function readNote({
  note,
  note_code,
  errors,
}: NoteFields): { code?: Schemas["NoteCode"]; refusal?: Refusal; words?: string } | undefined {
  if (!note) return undefined;
  if (note_code) return { code: note_code };
  const code = errors?.[0]?.code;
  if (code === 131_047) return { code: "window_closed" };
  for (const [refusal, codes] of Object.entries(refusals))
    if (code && codes.some((one) => one === code) && isRefusal(refusal)) return { refusal, words: note };
  return { words: note };
}

const isRefusal = (word: string): word is Refusal => word in refusals;

/** Returns a function that words a note. The provider's own words, in English, stay beside their meaning. */
export function useNote() {
  const { t } = useTranslation("inbox");
  return (message: NoteFields): { text?: string; words?: string } | undefined => {
    const read = readNote(message);
    if (!read) return undefined;
    // A newer server may send a code that this page does not know.
    if (read.code) return { text: t(`note.${read.code}`, { defaultValue: message.note ?? "" }) };
    return { text: read.refusal && t(`refused.${read.refusal}`), words: read.words };
  };
}
