// New messages are merged without gaps or duplicates.
import { expect, test } from "vitest";
import { items } from "@/api/pages";
import { joined, type Message, type Thread } from "./thread";

const say = (id: string, at: number, more: Partial<Message> = {}): Message => ({
  id,
  sent_at: at,
  direction: "in",
  author: "customer",
  kind: "text",
  content: { type: "text", body: "" },
  state: "stored",
  ...more,
});

const thread = (...pages: Message[][]): Thread => ({
  pages: pages.map((items, at) => ({ items, next: at < pages.length - 1 ? "more" : null })),
  pageParams: pages.map(() => undefined),
});
const ids = (of: Thread) => items(of).map(({ id }) => id);

test("new messages come first, also those of the same moment", () => {
  const known = thread([say("b", 2), say("a", 1)]);
  const now = joined(known, { items: [say("d", 3), say("c", 3), say("b", 2)], next: null });
  expect(ids(now)).toEqual(["d", "c", "b", "a"]);
});

test("a message that changed is changed, on whichever page, and the other pages stay", () => {
  const known = thread([say("d", 4), say("c", 3)], [say("b", 2), say("a", 1)]);
  const now = joined(known, { items: [say("b", 2, { state: "read" })], next: null });
  expect(now.pages[0]).toBe(known.pages[0]);
  expect(now.pages[1]?.items[0]?.state).toBe("read");
});

test("after a gap it begins anew", () => {
  const known = thread([say("a", 1)]);
  const page = { items: [say("z", 9), say("y", 8)], next: "more" };
  expect(ids(joined(known, page))).toEqual(["z", "y"]);
  expect(ids(joined(thread([]), { items: [say("a", 1)], next: "more" }))).toEqual(["a"]);
});

test("what comes late goes where it belongs", () => {
  const known = thread([say("c", 3), say("a", 1)]);
  expect(ids(joined(known, { items: [say("x", 2), say("c", 3)], next: null }))).toEqual(["c", "x", "a"]);
});
