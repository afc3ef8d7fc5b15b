// No message is lost or sent twice, and messages are sent in the order in which they were written.
import { beforeEach, expect, test, vi } from "vitest";
import { Failure, type Schemas } from "@/api/client";
import { Outbox, type PendingMessage, unarrived } from "./outbox";

type SentMessage = { id: string };
let kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};

function make(send: (one: PendingMessage) => Promise<SentMessage>) {
  const arrived: string[] = [];
  const box = new Outbox<SentMessage>({
    send,
    arrived: (one) => arrived.push(one.text),
    newest: () => "msg_1",
    storage,
  });
  return { box, arrived };
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};
const texts = (box: Outbox<SentMessage>) => box.list().map(({ text, state }) => `${text} ${state}`);

beforeEach(() => {
  kept = new Map();
  vi.useFakeTimers();
});

test("they go one after the other", async () => {
  const doors: (() => void)[] = [];
  const { box, arrived } = make(() => new Promise((open) => doors.push(() => open({ id: "m" }))));
  box.write("a", "one");
  box.write("a", "two");
  box.write("b", "other");
  expect(texts(box)).toEqual(["one sending", "two queued", "other sending"]);
  doors[0]?.();
  await settle();
  expect(arrived).toEqual(["one"]);
  expect(texts(box)).toEqual(["two sending", "other sending"]);
});

test("without a connection they wait, and go in order under their old keys when it is back", async () => {
  let offline = true;
  const keys: string[] = [];
  const { box, arrived } = make(async ({ key }) => {
    keys.push(key);
    if (offline) throw new Failure(0, "");
    return { id: "m" };
  });
  box.write("a", "one");
  box.write("a", "two");
  await settle();
  expect(texts(box)).toEqual(["one queued", "two queued"]);
  expect(box.list()[0]?.stuck).toBe(true);
  offline = false;
  box.wake();
  await settle();
  expect(arrived).toEqual(["one", "two"]);
  expect(keys[0]).toBe(keys[1]);
  expect(new Set(keys).size).toBe(2);
  expect(box.list()).toEqual([]);
});

test("it tries again by itself", async () => {
  let tries = 0;
  const { box } = make(async () => {
    tries += 1;
    if (tries < 3) throw new Failure(503, "busy");
    return { id: "m" };
  });
  box.write("a", "one");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(tries).toBe(3);
  expect(box.list()).toEqual([]);
});

test("what is refused stays, with why; those after it go on", async () => {
  const detail = "The window is closed.";
  const closed = { status: 409, title: "Conflict", detail, code: "window_closed" as const };
  const keys: string[] = [];
  const { box, arrived } = make(async ({ text, key }) => {
    keys.push(key);
    if (text === "one" && keys.length < 3) throw new Failure(409, closed.detail, closed);
    return { id: "m" };
  });
  box.write("a", "one");
  box.write("a", "two");
  await settle();
  expect(arrived).toEqual(["two"]);
  expect(box.list()[0]).toMatchObject({ state: "failed", error: detail, code: "window_closed" });
  box.again(box.list()[0]?.key ?? "");
  await settle();
  expect(arrived).toEqual(["two", "one"]);
  expect(keys[2]).toBe(keys[0]);
});

test("what was being sent when the page went is sent again under the same key", async () => {
  const first = make(() => new Promise(() => {}));
  first.box.write("a", "one");
  const keys: string[] = [];
  const second = make(async ({ key }) => {
    keys.push(key);
    return { id: "m" };
  });
  second.box.wake();
  await settle();
  expect(keys).toEqual([first.box.list()[0]?.key]);
});

test("only what is not on its way can be discarded", async () => {
  const { box } = make(() => new Promise(() => {}));
  box.write("a", "one");
  box.write("a", "two");
  for (const { key } of box.list()) box.discard(key);
  expect(texts(box)).toEqual(["one sending"]);
});

test("what arrived is not shown twice", () => {
  const one = (key: string, more: Partial<PendingMessage> = {}): PendingMessage => ({
    key,
    conversation: "a",
    text: "ok",
    at: 0,
    state: "sending",
    after: "msg_5",
    ...more,
  });
  const said = (id: string, text = "ok", author: Schemas["Author"] = "person") => ({ id, text, author });
  const left = (list: PendingMessage[], ...messages: ReturnType<typeof said>[]) =>
    unarrived(list, messages).map(({ key }) => key);
  expect(left([one("x")], said("msg_4"))).toEqual(["x"]);
  expect(left([one("x")], said("msg_6"))).toEqual([]);
  expect(left([one("x")], said("msg_6", "ok", "bot"))).toEqual(["x"]);
  expect(left([one("x"), one("y")], said("msg_6"))).toEqual(["y"]);
  expect(left([one("x", { after: undefined, state: "queued" })], said("msg_6"))).toEqual(["x"]);
});
