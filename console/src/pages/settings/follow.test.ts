import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { follower } from "./follow";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a change is read once its entry is there, several at once, and none after the end", () => {
  const read = vi.fn();
  const { changed, stop } = follower(read);
  changed();
  vi.advanceTimersByTime(1_000);
  changed();
  expect(read).not.toHaveBeenCalled();
  vi.advanceTimersByTime(500);
  expect(read).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(60_000);
  expect(read).toHaveBeenCalledTimes(1);
  changed();
  stop();
  vi.advanceTimersByTime(60_000);
  expect(read).toHaveBeenCalledTimes(1);
});

test("messages that follow each other are read every ten seconds, and do not hold up another change", () => {
  const read = vi.fn();
  const { changed, conversation } = follower(read);
  for (let second = 0; second < 40; second++) {
    conversation();
    vi.advanceTimersByTime(1_000);
  }
  expect(read).toHaveBeenCalledTimes(4);
  vi.advanceTimersByTime(1_600);
  expect(read).toHaveBeenCalledTimes(5);
  conversation();
  changed();
  vi.advanceTimersByTime(1_600);
  expect(read).toHaveBeenCalledTimes(6);
});
