import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useLate } from "./late";

let seen: number[] = [];

function Part() {
  seen.push(useLate());
  return null;
}

const root = createRoot(document.createElement("div"));
const draw = (...parts: string[]) => act(() => root.render(parts.map((part) => <Part key={part} />)));

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.useFakeTimers({ toFake: ["performance"] });
  vi.advanceTimersByTime(10_000);
  seen = [];
});

afterEach(async () => {
  await draw();
  vi.useRealTimers();
});

test("nothing is shown at once, so that a fast answer does not flash", async () => {
  await draw("data");
  expect(seen).toEqual([150]);
});

test("a page's code and its data are one wait, however it is cut", async () => {
  await draw("code");
  vi.advanceTimersByTime(100);
  await draw("data");
  vi.advanceTimersByTime(300);
  await draw("data", "chart");
  expect(seen.filter((late, at) => seen.indexOf(late) === at)).toEqual([150, 50, 0]);
});

test("after a pause it is a new wait", async () => {
  await draw("data");
  vi.advanceTimersByTime(400);
  await draw();
  vi.advanceTimersByTime(200);
  await draw("more");
  expect(seen).toEqual([150, 150]);
});
