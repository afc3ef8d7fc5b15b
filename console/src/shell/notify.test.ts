import { beforeEach, expect, test, vi } from "vitest";
import { arrivals, choose, known, once, permission } from "./notify";

beforeEach(() => localStorage.clear());

const one = (id: string, last_inbound_at: number) => ({ id, last_inbound_at });

test("what a customer wrote since is an arrival, what waited before is not", () => {
  const before = known([one("a", 10), one("b", 20)]);
  const now = [one("a", 10), one("b", 25), one("c", 22), one("old, after others were answered", 5)];
  expect(arrivals(before, now).map(({ id }) => id)).toEqual(["b", "c"]);
  expect(arrivals(before, [one("a", 9)])).toEqual([]);
  expect(arrivals(known([]), [one("a", 1)])).toHaveLength(1);
  expect(arrivals(known([], before), [one("a", 10)]), "waits again without a new message").toEqual([]);
});

test("a choice is kept for the next time", () => {
  choose({ sound: true });
  choose({ notifications: true });
  expect(JSON.parse(localStorage.getItem("frontdesk.notify") ?? "")).toEqual({
    notifications: true,
    sound: true,
  });
});

test("one tab tells, and the tab that is looked at comes first", async () => {
  vi.useFakeTimers();
  const held = new Set<string>();
  const request = async (name: string, _: LockOptions, run: (lock: Lock | null) => Promise<void>) => {
    const free = !held.has(name);
    held.add(name);
    await run(free ? { name, mode: "exclusive" } : null);
  };
  vi.stubGlobal("navigator", { locks: { request } });
  const told: string[] = [];
  const tabs = [once("x", false, () => told.push("hidden")), once("x", true, () => told.push("seen"))];
  await vi.advanceTimersByTimeAsync(10_000);
  await Promise.all(tabs);
  expect(told).toEqual(["seen"]);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("where the address is not secure, browsers have no notifications, and it is said why", () => {
  vi.stubGlobal("isSecureContext", false);
  expect(permission()).toBe("insecure");
  vi.stubGlobal("isSecureContext", true);
  expect(permission()).toBe("unknown");
  vi.stubGlobal("Notification", { permission: "denied" });
  expect(permission()).toBe("denied");
  vi.unstubAllGlobals();
});
