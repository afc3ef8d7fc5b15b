// A busy desk causes only a few requests a second.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { gather, MANY } from "./gather";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the first is read at once, and each once", async () => {
  const read: string[] = [];
  const { stir } = gather({ one: async (id) => read.push(id), recent: async () => [] });
  stir("a");
  stir("a");
  expect(read).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(read).toEqual(["a", "a"]);
});

test("a burst is read with one request, and who is beyond it one by one", async () => {
  let requests = 0;
  const read: string[] = [];
  const burst = Array.from({ length: 300 }, (_, at) => `c${at}`);
  const { stir } = gather({
    one: async (id) => {
      requests += 1;
      read.push(id);
    },
    recent: async () => {
      requests += 1;
      return burst.slice(0, 280);
    },
  });
  for (const id of burst) stir(id);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(requests).toBeLessThan(12);
  await vi.advanceTimersByTimeAsync(60_000);
  for (const id of burst.slice(280)) expect(read).toContain(id);
  expect(MANY).toBeLessThan(20);
});

test("what cannot be read stops nobody", async () => {
  const read: string[] = [];
  const { stir, stop } = gather({
    one: async (id) => {
      if (id === "a") throw new Error("gone");
      read.push(id);
    },
    recent: async () => {
      throw new Error("gone");
    },
  });
  for (const id of ["a", "b", "c"]) stir(id);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(read).toEqual(["b", "c"]);
  stop();
  stir("d");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(read).toEqual(["b", "c"]);
});
