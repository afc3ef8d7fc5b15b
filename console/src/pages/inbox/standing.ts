// Who has a conversation, as its row, its header and its contact panel say it.
import type { Schemas } from "@/api/client";
import type { Conversation } from "./filter";

type OwnerFields = Pick<Conversation, "owner" | "waiting" | "staff">;

/** `staff`: a support contact, whom the bot does not answer. `waiting`: the customer waits for a person. */
export type Status = Schemas["Owner"] | "waiting" | "staff";

/** Who answers. */
export function standingOf({
  owner,
  staff,
}: Pick<OwnerFields, "owner" | "staff">): Exclude<Status, "waiting"> {
  return owner !== "person" && staff ? "staff" : owner;
}

/** What is to be done comes before who would do it. */
export const statusOf = (one: OwnerFields): Status => (one.waiting ? "waiting" : standingOf(one));

type WaitFields = Pick<Conversation, "waiting" | "waiting_since" | "last_message_at">;

/** Since when the customer waits, milliseconds since 1970: a reminder changes nothing. */
export const waitsSince = ({ waiting, waiting_since, last_message_at }: WaitFields): number | undefined =>
  waiting ? (waiting_since ?? last_message_at) : undefined;
