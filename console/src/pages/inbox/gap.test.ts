import { expect, test } from "vitest";
import { candidates, isAmong } from "./gap";

const at = 1_000_000;

test("only gaps that were asked about before and after a turn may be its gap", () => {
  const gaps = [
    { id: "later", first_at: at + 60_000, last_at: at + 90_000 },
    { id: "around", first_at: at - 60_000, last_at: at + 60_000 },
    { id: "then", first_at: at + 3, last_at: at + 3 },
    { id: "before", first_at: at - 90_000, last_at: at - 60_000 },
  ];
  expect(candidates(gaps, at).map(({ id }) => id)).toEqual(["around", "then"]);
});

test("a question is a turn's if it was asked then, in that conversation", () => {
  const turn = { conversation_id: "conv_1", created_at: at };
  expect(isAmong(turn, [{ conversation_id: "conv_1", asked_at: at + 4 }])).toBe(true);
  expect(isAmong(turn, [{ conversation_id: "conv_2", asked_at: at }])).toBe(false);
  expect(isAmong(turn, [{ conversation_id: "conv_1", asked_at: at + 60_000 }])).toBe(false);
  expect(isAmong(turn, [{ conversation_id: null, asked_at: at }])).toBe(false);
});
