// What a customer is called in lists.
import type { Schemas } from "@/api/client";

type Ids = Partial<Pick<Schemas["Conversation"], "wa_id" | "bsuid" | "lid">>;
type Customer = Ids & Partial<Pick<Schemas["Conversation"], "contact_name">>;

/** The customer's phone number, else another id of WhatsApp. An id that is no number stays as it is. */
export const customerId = ({ wa_id, bsuid, lid }: Ids) => wa_id?.replace(/^\d+$/, "+$&") || bsuid || lid;

/** The customer's own name, else their id, else `unnamed`. */
export const customerName = (one: Customer, unnamed: string): string =>
  one.contact_name || customerId(one) || unnamed;
