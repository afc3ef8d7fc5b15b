// Uploads run two at a time; refused ones stay in the list, accepted ones leave it.
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { drop, outcome, sendAgain, type Upload, upload, useUploads } from "./uploads";

class Request {
  static all: Request[] = [];
  upload: { onprogress?: (event: { loaded: number; total: number }) => void; onload?: () => void } = {};
  onload?: () => void;
  onerror?: () => void;
  status = 0;
  responseText = "";
  url = "";
  aborted = false;
  open(_: string, url: string) {
    this.url = url;
  }
  setRequestHeader() {}
  send() {
    Request.all.push(this);
  }
  abort() {
    this.aborted = true;
  }
  answer(status: number, body: unknown) {
    this.status = status;
    this.responseText = JSON.stringify(body);
    act(() => this.onload?.());
  }
}

let seen: Upload[] = [];
function Watch() {
  seen = useUploads();
  return null;
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  vi.stubGlobal("XMLHttpRequest", Request);
  Request.all = [];
  act(() => createRoot(document.createElement("div")).render(createElement(Watch)));
});

afterEach(() => {
  act(() => {
    for (const { id } of seen) drop(id);
  });
});

const file = (name: string) => new File(["12345"], name);

test("two at a time; the next begins when one ends", () => {
  act(() => upload("a b", [file("1.md"), file("2.md"), file("3.md")]));
  expect(Request.all.map(({ url }) => url)).toEqual(Array(2).fill("/api/v1/collections/a%20b/documents"));
  expect(seen.map(({ state }) => state)).toEqual(["sending", "sending", "waiting"]);
  act(() => Request.all[0]?.upload.onprogress?.({ loaded: 50, total: 100 }));
  expect(seen[0]?.sent).toBe(3);
  Request.all[0]?.answer(202, [{ id: "doc_1", state: "learning" }]);
  expect(seen.map(({ name }) => name)).toEqual(["2.md", "3.md"]);
  expect(Request.all).toHaveLength(3);
});

test("what was refused stays with the reason, and can be sent again or dropped", () => {
  act(() => upload("a", [file("1.md")]));
  Request.all[0]?.answer(202, [{ id: "", state: "failed", code: "taken" }]);
  expect(seen[0]).toMatchObject({ state: "failed", refused: { code: "taken" } });
  act(() => sendAgain(seen[0]?.id ?? 0));
  expect(seen[0]).toMatchObject({ state: "sending", refused: undefined });
  act(() => Request.all[1]?.onerror?.());
  expect(seen[0]).toMatchObject({ state: "failed", error: "" });
  act(() => drop(seen[0]?.id ?? 0));
  expect(seen).toEqual([]);
});

test("one that is stopped is aborted, and its late answer counts for nothing", () => {
  act(() => upload("a", [file("1.md")]));
  act(() => drop(seen[0]?.id ?? 0));
  expect(Request.all[0]?.aborted).toBe(true);
  Request.all[0]?.answer(500, {});
  expect(seen).toEqual([]);
});

test("a problem's words are kept, also when there are none", () => {
  expect(outcome(409, '{"detail":"A gate guards it."}')).toEqual({ error: "A gate guards it." });
  expect(outcome(503, '{"detail":"It is busy.","code":"busy"}')).toEqual({
    error: "It is busy.",
    code: "busy",
  });
  expect(outcome(502, "<html>")).toEqual({ error: "HTTP 502" });
  expect(outcome(202, '[{"id":"doc_1","state":"failed","code":"empty"}]')).toBeUndefined();
});
