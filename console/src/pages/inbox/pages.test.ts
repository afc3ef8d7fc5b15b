// The list stays correct and sorted while conversations change.
import { expect, test } from "vitest";
import { asked, belongs, type Conversation, type Filter, filterOf, foundIn } from "./filter";
import { merged, type Pages, without } from "./pages";

const all: Filter = { show: "all", q: "", number: "" };

function talk(id: string, at: number, more: Partial<Conversation> = {}): Conversation {
  return {
    id,
    last_message_at: at,
    updated_at: at,
    number_id: "num_1",
    number_slug: "main",
    contact_id: "con_1",
    owner: "bot",
    unread: 0,
    waiting: false,
    provider: "meta",
    has_window: true,
    staff: false,
    agent: "demo",
    opted_out: false,
    ...more,
  };
}

function list(next: string | null, ...pages: Conversation[][]): Pages {
  return {
    pages: pages.map((items, at) => ({ items, next: at < pages.length - 1 ? `${at}` : next })),
    pageParams: pages.map((_, at) => (at ? `${at - 1}` : undefined)),
  };
}

const ids = (pages: Pages) => pages.pages.map(({ items }) => items.map(({ id }) => id).join("")).join("|");
const three = () => list(null, [talk("a", 50), talk("b", 40)], [talk("c", 30), talk("d", 20)]);

test("new activity moves a conversation to the top, from whichever page", () => {
  expect(ids(merged(three(), talk("d", 60), all))).toBe("dab|c");
  expect(ids(merged(three(), talk("a", 60), all))).toBe("ab|cd");
});

test("a new conversation takes its place", () => {
  expect(ids(merged(three(), talk("x", 35), all))).toBe("ab|xcd");
  expect(ids(merged(three(), talk("x", 10), all))).toBe("ab|cdx");
  expect(ids(merged(list(null, []), talk("x", 10), all))).toBe("x");
});

test("one that is older than what was read comes with its page", () => {
  const part = list("more", [talk("a", 50)]);
  expect(merged(part, talk("x", 10), all)).toBe(part);
});

test("pages that nothing happened on stay the same objects", () => {
  const before = three();
  const after = merged(before, talk("b", 40, { unread: 1 }), all);
  expect(after.pages[1]).toBe(before.pages[1]);
  expect(after.pages[0]?.items[1]?.unread).toBe(1);
});

test("what a search found stays in the row while the conversation changes", () => {
  const sought = { ...all, q: "blue" };
  const before = list(null, [talk("a", 50, { found_text: "…the BLUE one" })]);
  const after = merged(before, talk("a", 60, { last_text: "Thanks" }), sought);
  expect(after.pages[0]?.items[0]).toMatchObject({ found_text: "…the BLUE one", last_text: "Thanks" });
});

test("a phone is found as it is dialled at home and from abroad, and a text however it is written", () => {
  const one = talk("a", 50, { wa_id: "447700900021", contact_name: "Ada" });
  for (const q of ["07700 900021", "+44 (0)7700 900021", "0044 7700-900021", "447700900021", "900"])
    expect(belongs({ ...all, q }, one), q).toBe(true);
  for (const q of ["0", "07700 900022", "order 900"]) expect(belongs({ ...all, q }, one), q).toBeUndefined();
  expect(foundIn("A blue (BLUE) one", "blue").filter(({ found }) => found)).toHaveLength(2);
  expect(foundIn("Is it 5*?", "5*").map(({ text }) => text)).toEqual(["Is it ", "5*", "?"]);
});

test("an answer that was overtaken changes nothing", () => {
  const before = three();
  expect(merged(before, talk("a", 45), all)).toBe(before);
  // The bot's answer changes the conversation without moving it.
  const answered = merged(before, talk("a", 50, { updated_at: 51, last_text: "Yes" }), all);
  expect(merged(answered, talk("a", 50), all)).toBe(answered);
  expect(answered.pages[0]?.items[0]?.last_text).toBe("Yes");
});

test("what belongs no more goes, but not under the eyes of who reads it", () => {
  const waiting: Filter = { ...all, show: "waiting" };
  const before = list(null, [talk("a", 50, { waiting: true }), talk("b", 40, { waiting: true })]);
  expect(ids(merged(before, talk("a", 50), waiting))).toBe("b");
  expect(ids(merged(before, talk("a", 50), waiting, "a"))).toBe("ab");
  expect(ids(merged(before, talk("b", 60), waiting, "b"))).toBe("ba");
  expect(ids(merged(before, talk("x", 60), waiting))).toBe("ab");
});

test("a search keeps what the server found, and takes in what it can see itself", () => {
  const search: Filter = { ...all, q: "refund" };
  const before = list(null, [talk("a", 50)]);
  expect(ids(merged(before, talk("a", 60), search))).toBe("a");
  expect(ids(merged(before, talk("x", 60), search))).toBe("a");
  expect(ids(merged(before, talk("x", 60, { last_text: "My Refund?" }), search))).toBe("xa");
});

test("the filter is what the server is asked and what is compared here", () => {
  expect(filterOf({ show: "nonsense", q: "  x " })).toEqual({ show: "all", q: "x", number: "" });
  expect(asked(filterOf({ show: "waiting", number: "main" }))).toEqual({ number: "main", state: "waiting" });
  expect(asked(filterOf({ show: "person" }))).toMatchObject({ owner: "person" });
  const open = talk("a", 1, { open_case: { id: "esc_1", reason: "", created_at: 1 } });
  expect(belongs(filterOf({ show: "open" }), open)).toBe(true);
  expect(belongs(filterOf({ show: "resolved" }), open)).toBe(false);
  expect(belongs(filterOf({ show: "unread" }), open)).toBe(false);
  expect(belongs(filterOf({ number: "num_2" }), open)).toBe(false);
  expect(belongs(filterOf({ number: "num_1" }), open)).toBe(true);
});

test("a conversation that was merged into another leaves the list", () => {
  expect(ids(without(three(), "c"))).toBe("ab|d");
  const before = three();
  expect(without(before, "x")).toBe(before);
});
