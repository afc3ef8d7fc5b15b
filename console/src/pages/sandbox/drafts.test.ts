import { beforeEach, expect, test, vi } from "vitest";
import { type Draft, draftOf, keepDraft, readDraft } from "./drafts";

const place = (agent: string) => `frontdesk.draft.${agent}`;
const draft = (source: string): Draft => ({ source, from: 1 });

/** Another tab saves a draft, or with `null` publishes or discards the last saved one. */
function elsewhere(agent: string, next: Draft | null) {
  const key = place(agent);
  const oldValue = localStorage.getItem(key);
  const newValue = next && JSON.stringify(next);
  if (newValue === null) localStorage.removeItem(key);
  else localStorage.setItem(key, newValue);
  window.dispatchEvent(new StorageEvent("storage", { key, oldValue, newValue }));
}

const saved = (agent: string) => readDraft(localStorage.getItem(place(agent)));

/** The module as a page sees it that was just loaded. */
async function reloaded() {
  vi.resetModules();
  return await import("./drafts");
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

test("a draft is kept by agent, and thrown away", () => {
  keepDraft("shop", { source: "new", from: 3 });
  expect(saved("shop")).toEqual({ source: "new", from: 3 });
  expect(draftOf("shop")).toEqual({ source: "new", from: 3 });
  expect(draftOf("other")).toBeNull();
  keepDraft("shop", null);
  expect(draftOf("shop")).toBeNull();
  expect(localStorage.length + sessionStorage.length).toBe(0);
});

test("what cannot be read is no draft", () => {
  for (const text of [null, "", "{", "{}", '{"source":1,"from":2}', "null"])
    expect(readDraft(text)).toBeNull();
});

test("another tab's draft does not replace this tab's, also after a reload", async () => {
  keepDraft("cafe", draft("mine"));
  elsewhere("cafe", draft("theirs"));
  expect(draftOf("cafe")).toEqual(draft("mine"));
  expect((await reloaded()).draftOf("cafe")).toEqual(draft("mine"));
  keepDraft("cafe", null);
  expect(saved("cafe")).toEqual(draft("theirs"));
});

test("a new tab starts from the last saved draft", async () => {
  keepDraft("cafe", draft("mine"));
  elsewhere("cafe", draft("theirs"));
  sessionStorage.clear();
  expect((await reloaded()).draftOf("cafe")).toEqual(draft("theirs"));
});

test("when another tab's draft ends, this tab's is the last saved; the same draft ends here, too", () => {
  keepDraft("deli", draft("mine"));
  elsewhere("deli", draft("theirs"));
  elsewhere("deli", null);
  expect(draftOf("deli")).toEqual(draft("mine"));
  expect(saved("deli")).toEqual(draft("mine"));
  elsewhere("deli", null);
  expect(draftOf("deli")).toBeNull();
  expect(sessionStorage.length).toBe(0);
});
