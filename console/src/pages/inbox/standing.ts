// Who answers in a conversation, as its header says it.
import type { Schemas } from "@/api/client";
import type { Conversation } from "./filter";

type Asked = Pick<Conversation, "owner" | "waiting" | "staff">;

/** The owner; `waiting`: a person has to answer and did not yet; `staff`: the bot does not answer a support contact. */
export function standingOf({ owner, waiting, staff }: Asked): Schemas["Owner"] | "waiting" | "staff" {
  if (owner === "person") return waiting ? "waiting" : owner;
  return staff ? "staff" : owner;
}
