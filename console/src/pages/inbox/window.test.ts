// Whether a customer can be written to.
import { expect, test } from "vitest";
import { windowOf } from "./window";

type WindowFields = Parameters<typeof windowOf>[0];
const one = (more: Partial<WindowFields>): WindowFields => ({
  has_window: true,
  opted_out: false,
  last_inbound_at: 1,
  window_ends_at: 100,
  ...more,
});

test("the window", () => {
  expect(windowOf(one({}), 40)).toEqual({ kind: "open", left: 60 });
  expect(windowOf(one({}), 100)).toEqual({ kind: "closed" });
  expect(windowOf(one({ opted_out: true }), 40)).toEqual({ kind: "optedOut" });
  expect(windowOf(one({ window_ends_at: null, last_inbound_at: null }), 40)).toEqual({ kind: "never" });
  expect(windowOf(one({ window_ends_at: null }), 40)).toEqual({ kind: "free" });
  expect(windowOf(one({ window_ends_at: null, last_inbound_at: null, has_window: false }), 40)).toEqual({
    kind: "free",
  });
});
