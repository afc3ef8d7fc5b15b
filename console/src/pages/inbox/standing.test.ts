// Who has a conversation, and what a person can do there.
import { expect, test } from "vitest";
import { actsOf } from "./actions";
import { standingOf, statusOf, waitsSince } from "./standing";

const one = { owner: "bot", waiting: false, staff: false, open_case: null } as const;

test("nobody has answered before somebody did, and who gets notices is no customer", () => {
  expect(statusOf(one)).toBe("bot");
  expect(statusOf({ ...one, owner: "person", waiting: true })).toBe("waiting");
  expect(statusOf({ ...one, owner: "person" })).toBe("person");
  expect(statusOf({ ...one, waiting: true }), "an open case that only a person can answer").toBe("waiting");
  expect(standingOf({ ...one, staff: true })).toBe("staff");
  expect(standingOf({ ...one, staff: true, owner: "person" })).toBe("person");
});

test("a customer waits since their last message", () => {
  expect(waitsSince({ waiting: true, waiting_since: 5, last_message_at: 7 })).toBe(5);
  expect(waitsSince({ waiting: true, last_message_at: 7 })).toBe(7);
  expect(waitsSince({ waiting: false, waiting_since: 5, last_message_at: 7 })).toBeUndefined();
});

test("what is offered", () => {
  expect(actsOf(one)).toEqual(["take"]);
  expect(actsOf({ ...one, staff: true }), "there is nothing to take over").toEqual([]);
  expect(actsOf({ ...one, staff: true, owner: "person" })).toEqual(["handBack"]);
});
