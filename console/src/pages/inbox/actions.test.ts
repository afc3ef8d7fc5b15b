// What can be done with a conversation, and what waits for what.
import { expect, test } from "vitest";
import { actsOf, isBlocked } from "./actions";

test("another action waits while one is pending", () => {
  const allowed = actsOf({
    owner: "bot",
    staff: false,
    open_case: { id: "esc_1", reason: "", created_at: 1 },
  });
  expect(allowed).toEqual(["take", "resolve"]);
  expect(isBlocked("take", allowed, "resolve")).toBe(true);
  expect(isBlocked("resolve", allowed, "resolve")).toBe(false);
  expect(isBlocked("take", allowed)).toBe(false);
});

test("what a pending action has made possible waits for nothing, so that it can take the focus", () => {
  const after = actsOf({ owner: "bot", staff: false, open_case: null });
  expect(after).toEqual(["take"]);
  expect(isBlocked("take", after, "resolve")).toBe(false);
});
