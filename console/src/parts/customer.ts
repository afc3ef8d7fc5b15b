// What a customer is called in lists.
import type { Schemas } from "@/api/client";

type Customer = Partial<Pick<Schemas["Conversation"], "contact_name" | "wa_id">>;

/** The customer's own name, else the phone number, else `unnamed`. An id that is no number stays as it is. */
export const customerName = ({ contact_name, wa_id }: Customer, unnamed: string): string =>
  contact_name || (wa_id ? wa_id.replace(/^\d+$/, "+$&") : unnamed);
