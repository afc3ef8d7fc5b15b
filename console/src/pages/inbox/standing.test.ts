// Who answers in a conversation, and what a person can do there.
import { expect, test } from "vitest";
import { actsOf } from "./actions";
import { standingOf } from "./standing";

const one = { owner: "bot", waiting: false, staff: false, open_case: null } as const;

test("nobody has answered before somebody did, and who gets notices is no customer", () => {
  expect(standingOf(one)).toBe("bot");
  expect(standingOf({ ...one, owner: "person", waiting: true })).toBe("waiting");
  expect(standingOf({ ...one, owner: "person" })).toBe("person");
  expect(standingOf({ ...one, waiting: true }), "an open case, and the bot goes on").toBe("bot");
  expect(standingOf({ ...one, staff: true })).toBe("staff");
  expect(standingOf({ ...one, staff: true, owner: "person" })).toBe("person");
});

test("what is offered", () => {
  expect(actsOf(one)).toEqual(["take"]);
  expect(actsOf({ ...one, staff: true }), "there is nothing to take over").toEqual([]);
  expect(actsOf({ ...one, staff: true, owner: "person" })).toEqual(["handBack"]);
});
