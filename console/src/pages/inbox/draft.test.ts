// The draft of a conversation that is open in two tabs.
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { beforeEach, expect, test, vi } from "vitest";
import { useDraft } from "./draft";

const place = "frontdesk.draft.conv_1";
let draft: ReturnType<typeof useDraft>;

function Field() {
  draft = useDraft("conv_1");
  return null;
}

function opened() {
  const root = createRoot(document.createElement("div"));
  act(() => root.render(createElement(Field)));
  return () => act(() => root.unmount());
}

/** What another tab does arrives as an event. */
function otherTab(text: string | null) {
  const oldValue = localStorage.getItem(place);
  if (text === null) localStorage.removeItem(place);
  else localStorage.setItem(place, text);
  act(() => void window.dispatchEvent(new StorageEvent("storage", { key: place, oldValue, newValue: text })));
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  localStorage.clear();
  sessionStorage.clear();
});

test("a draft stays when another tab writes and sends something else", () => {
  const close = opened();
  act(() => draft[1]("not yet"));
  otherTab("hello");
  otherTab(null);
  expect(draft[0]).toBe("not yet");
  close();
  const closeAgain = opened();
  expect(draft[0]).toBe("not yet");
  closeAgain();
});

test("a draft that another tab has sent is gone", () => {
  const close = opened();
  act(() => draft[1]("the same"));
  otherTab(null);
  expect(draft[0]).toBe("");
  close();
});

test("sending here leaves the other tab's draft, and a new tab begins with the newest", () => {
  const close = opened();
  act(() => draft[1]("mine"));
  otherTab("theirs");
  act(() => draft[1](""));
  expect(localStorage.getItem(place)).toBe("theirs");
  close();
  const newTab = opened();
  expect(draft[0]).toBe("theirs");
  newTab();
});
