import { expect, test } from "vitest";
import { acted, handOffs } from "./activity";
import type { Message } from "./thread";
import { timeline } from "./timeline";

const day = (date: number, hour = 12) => new Date(2026, 2, date, hour).getTime();

const says = (id: string, author: Message["author"], sent_at: number, turn_id?: string): Message => ({
  id,
  sent_at,
  author,
  turn_id,
  direction: author === "customer" ? "in" : "out",
  kind: "text",
  content: { type: "text", body: id },
  state: "stored",
});

const entry = {
  id: "aud_1",
  actor: "console 1a2b3c4d",
  outcome: "done",
  detail: {},
  created_at: day(2),
} as const;

test("only what was done with the conversation is an activity", () => {
  expect(acted([{ ...entry, action: "conversation.taken" }])).toEqual([
    { id: "aud_1", at: day(2), what: "taken", by: "console 1a2b3c4d" },
  ]);
  expect(acted([{ ...entry, action: "conversation.taken", outcome: "refused" }])).toEqual([]);
  const written = (took: boolean) => acted([{ ...entry, action: "message.written", detail: { took } }]);
  expect(written(false)).toEqual([]);
  expect(written(true), "writing takes over").toMatchObject([{ what: "taken" }]);
  const closed = (last: boolean) => acted([{ ...entry, action: "escalation.resolved", detail: { last } }]);
  expect(closed(false)).toEqual([]);
  expect(closed(true), "the last case resolves").toMatchObject([{ what: "resolved" }]);
});

test("a notice in a customer's turn is a hand-off, and so is an open case without one", () => {
  const asks = says("a", "customer", 1_000, "turn_1");
  const notice = says("b", "notice", 2_000, "turn_1");
  const open = { id: "case_1", reason: "said human", created_at: 2_100 };
  expect(handOffs([asks, notice, { ...notice, id: "c" }], null)).toEqual([
    { id: "turn_1", at: 2_000, what: "handedOver" },
  ]);
  expect(handOffs([asks, notice], open)).toHaveLength(1);
  expect(handOffs([notice], null), "a support contact is told of a case").toEqual([]);
  expect(handOffs([asks], open), "a case without a notice").toMatchObject([{ id: "case_1", at: 2_100 }]);
});

test("an activity stands at its time, begins a day, and ends a group of messages", () => {
  const messages = [
    says("a", "customer", day(1)),
    says("b", "customer", day(1) + 1_000),
    says("c", "customer", day(1) + 9_000),
  ];
  const lines = timeline(messages, [
    { id: "x", at: day(1) + 5_000, what: "taken" },
    { id: "y", at: day(2), what: "resolved" },
  ]);
  const drawn = lines.map((one) =>
    one.kind === "message" ? [one.message.id, one.isNewDay, one.first] : [one.activity.id, one.isNewDay],
  );
  expect(drawn).toEqual([
    ["a", true, true],
    ["b", false, false],
    ["x", false],
    ["c", false, true],
    ["y", true],
  ]);
});
