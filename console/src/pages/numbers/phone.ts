// A number as its customers dial it.
import type { Schemas } from "@/api/client";

/** The phone, or the number's name while the phone is not known; isolated, for a text of any direction. */
export const phoneOf = ({ display, slug }: Pick<Schemas["Number"], "display" | "slug">) =>
  `\u2066${display ?? slug}\u2069`;

/** WhatsApp's link that opens a conversation with a phone. */
export function waAddress(display: string | null | undefined): string | undefined {
  const digits = display?.replace(/\D/g, "");
  return digits ? `https://wa.me/${digits}` : undefined;
}
