import { expect, test } from "vitest";
import { actionOf, daysOf, type Entry, reasonOf, scopeOf, sinceOf, subjectOf, versionOf } from "./actions";

const entry = (part: Partial<Omit<Entry, "detail">>, detail: unknown = {}): Entry => ({
  id: "aud_1",
  actor: "desk",
  action: "other",
  subject: "",
  outcome: "done",
  address: "",
  created_at: 0,
  ...part,
  detail: JSON.parse(JSON.stringify(detail)),
});

test("what an entry is about is found in its subject or its details", () => {
  const about = (action: Entry["action"], subject: string, detail?: unknown) =>
    subjectOf(entry({ action, subject }, detail));
  expect(about("agent.published", "shop")).toEqual({ kind: "agent", id: "shop" });
  expect(about("answer.created", "acme/ans_1")).toEqual({ kind: "collection", id: "acme" });
  expect(about("answer.created", "acme")).toEqual({ kind: "collection", id: "acme" });
  expect(about("source.removed", "https://shop.example/help")).toEqual({
    kind: "text",
    id: "https://shop.example/help",
  });
  expect(about("eval.started", "run_1", { suite: "basics.yaml" })).toEqual({
    kind: "run",
    id: "run_1",
    name: "basics.yaml",
  });
  expect(about("model.set", "chat", { model: "large" })).toEqual({ kind: "model", id: "large" });
  const unnamed = { provider: "tei", base_url: "http://127.0.0.1:8080", model: "" };
  expect(about("model.set", "reranking", unnamed)).toEqual({ kind: "model", id: "http://127.0.0.1:8080" });
  expect(about("model.set", "speech", { provider: "off", model: "" }), "no model").toBeUndefined();
  expect(about("collection.created", ""), "refused: it has no name").toBeUndefined();
  expect(about("document.removed", "doc_1"), "an id says nothing").toBeUndefined();
});

test("a model's task and agent are found in the subject", () => {
  expect(scopeOf({ action: "model.set", subject: "speech" })).toEqual({ role: "speech" });
  expect(scopeOf({ action: "model.removed", subject: "chat/agt_1" })).toEqual({
    role: "chat",
    agent: "agt_1",
  });
  expect(scopeOf({ action: "model.set", subject: "newer" })).toBeUndefined();
  expect(scopeOf({ action: "model.fetched", subject: "chat" }), "the name of a model").toBeUndefined();
});

test("details are read only where they are what is expected", () => {
  expect(versionOf(entry({}, { version: 4 }))).toBe(4);
  for (const odd of [{ version: "4" }, {}, null, [4], "version"])
    expect(versionOf(entry({}, odd))).toBeUndefined();
  expect(reasonOf(entry({}, { gate: { reason: "2 are worse" } }))).toBe("2 are worse");
  expect(reasonOf(entry({}, { gate: null, reason: "Guarded" }))).toBe("Guarded");
  expect(reasonOf(entry({}, { reason: { deep: 1 } }))).toBeUndefined();
});

test("an action that is newer than the page is something else", () => {
  expect(actionOf({ action: JSON.parse('"agent.vanished"') })).toBe("other");
  expect(actionOf({ action: JSON.parse('"toString"') })).toBe("other");
});

test("entries are grouped by the reader's days", () => {
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).getTime();
  const days = daysOf([at(25, 9), at(25, 0), at(24, 23)].map((created_at) => entry({ created_at })));
  expect(days.map(({ at, entries }) => [new Date(at).getDate(), entries.length])).toEqual([
    [25, 2],
    [24, 1],
  ]);
  expect(daysOf([])).toEqual([]);
});

test("a period begins with its first day", () => {
  const now = new Date(2026, 10, 3, 15).getTime();
  expect(sinceOf(1, now)).toBe(new Date(2026, 10, 3).getTime());
  expect(sinceOf(7, now)).toBe(new Date(2026, 9, 28).getTime());
});
