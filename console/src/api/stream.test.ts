import { expect, test } from "vitest";
import { cut } from "./stream";

test("events are cut where a blank line ends them; what has not ended is kept", () => {
  const { events, rest } = cut('event: text\ndata: "We"\n\n: a comment\n\nevent: done\ndata: {"a"');
  expect(events).toEqual([{ event: "text", data: '"We"' }]);
  expect(rest).toBe('event: done\ndata: {"a"');
  expect(cut(`${rest}:1}\n\n`).events).toEqual([{ event: "done", data: '{"a":1}' }]);
});

test("data of several lines, and an event without a name", () => {
  expect(cut("data: one\ndata: two\n\n").events).toEqual([{ event: "message", data: "one\ntwo" }]);
});
