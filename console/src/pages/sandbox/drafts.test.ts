import { beforeEach, expect, test } from "vitest";
import { draftOf, keepDraft, readDraft } from "./drafts";

beforeEach(() => localStorage.clear());

test("a draft is kept by agent, and thrown away", () => {
  keepDraft("shop", { source: "new", from: 3 });
  expect(readDraft(localStorage.getItem("frontdesk.draft.shop"))).toEqual({ source: "new", from: 3 });
  expect(draftOf("shop")).toEqual({ source: "new", from: 3 });
  expect(draftOf("other")).toBeNull();
  keepDraft("shop", null);
  expect(draftOf("shop")).toBeNull();
  expect(localStorage.length).toBe(0);
});

test("what cannot be read is no draft", () => {
  for (const text of [null, "", "{", "{}", '{"source":1,"from":2}', "null"])
    expect(readDraft(text)).toBeNull();
});

test("another window's draft is seen", () => {
  expect(draftOf("cafe")).toBeNull();
  localStorage.setItem("frontdesk.draft.cafe", '{"source":"theirs","from":1}');
  window.dispatchEvent(new StorageEvent("storage", { key: "frontdesk.draft.cafe" }));
  expect(draftOf("cafe")?.source).toBe("theirs");
});
