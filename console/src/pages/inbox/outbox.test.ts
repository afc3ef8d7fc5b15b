// No message is lost or sent twice, and messages are sent in the order in which they were written.
import { beforeEach, expect, test, vi } from "vitest";
import { Failure, type Schemas } from "@/api/client";
import { Outbox, type PendingMessage, SlowUpload, UnreadableFile, unarrived } from "./outbox";

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
  const said = (id: string, text = "ok", author: Schemas["Author"] = "person") => ({
    id,
    text,
    author,
    kind: "text" as const,
  });
  const left = (list: PendingMessage[], ...messages: ReturnType<typeof said>[]) =>
    unarrived(list, messages).map(({ key }) => key);
  expect(left([one("x")], said("msg_4"))).toEqual(["x"]);
  expect(left([one("x")], said("msg_6"))).toEqual([]);
  expect(left([one("x")], said("msg_6", "ok", "bot"))).toEqual(["x"]);
  expect(left([one("x"), one("y")], said("msg_6"))).toEqual(["y"]);
  expect(left([one("x", { after: undefined, state: "queued" })], said("msg_6"))).toEqual(["x"]);
});

const pdf = (bytes = "abc") => new File([bytes], "offer.pdf", { type: "application/pdf" });

test("a file is sent with its caption, in its turn", async () => {
  const given: [string, File | undefined][] = [];
  const { box } = make(async ({ text, file }) => {
    given.push([text, file?.data]);
    return { id: "m" };
  });
  const file = pdf();
  box.write("a", "one");
  box.write("a", "", undefined, file);
  box.write("a", "three");
  expect(box.list()[1]?.file).toMatchObject({ name: "offer.pdf", size: 3, type: "application/pdf" });
  await settle();
  expect(given).toEqual([
    ["one", undefined],
    ["", file],
    ["three", undefined],
  ]);
});

test("a file that was not sent before a reload stands as lost, and can only be discarded", async () => {
  const first = make(async () => {
    throw new Failure(0, "");
  });
  first.box.write("a", "our offer", undefined, pdf());
  first.box.write("a", "after it");
  await settle();
  expect(first.box.list()[0]).toMatchObject({ state: "queued", stuck: true });
  const texts: string[] = [];
  const { box } = make(async ({ text }) => {
    texts.push(text);
    return { id: "m" };
  });
  box.wake();
  await settle();
  expect(texts, "what stands behind it goes").toEqual(["after it"]);
  const [lost] = box.list();
  expect(lost).toMatchObject({ state: "failed", stuck: false, lost: "reloaded", after: "msg_1" });
  expect(lost?.file).toEqual({ name: "offer.pdf", size: 3, type: "application/pdf" });
  box.again(lost?.key ?? "");
  await settle();
  expect(texts).toEqual(["after it"]);
  box.discard(lost?.key ?? "");
  expect(box.list()).toEqual([]);
  expect(kept.size).toBe(0);
});

test("why a file was refused stays over a reload, but it cannot be sent again", async () => {
  const first = make(async () => {
    throw new Failure(422, "WhatsApp takes no such file.");
  });
  first.box.write("a", "", undefined, pdf());
  await settle();
  expect(first.box.list()[0]?.lost, "it can be tried again").toBeUndefined();
  const { box } = make(() => new Promise(() => {}));
  expect(box.list()[0]).toMatchObject({ error: "WhatsApp takes no such file.", lost: "reloaded" });
});

test("a file that cannot be read any more fails for good, and does not wait for a connection", async () => {
  const { box } = make(async () => {
    throw new UnreadableFile();
  });
  box.write("a", "", undefined, pdf());
  await settle();
  expect(box.list()[0]).toMatchObject({ state: "failed", lost: "unreadable", error: "" });
});

test("a file that takes too long is not uploaded over and over, and is sent again with its key", async () => {
  const keys: string[] = [];
  const { box } = make(async ({ key }) => {
    keys.push(key);
    if (keys.length === 1) throw new SlowUpload();
    return { id: "msg_2" };
  });
  box.write("a", "Offer", undefined, pdf());
  await settle();
  expect(box.list()[0]).toMatchObject({ state: "failed", slow: true, after: "msg_1" });
  box.again(box.list()[0]?.key ?? "");
  await settle();
  expect(box.list()).toEqual([]);
  expect(keys[1]).toBe(keys[0]);
});

test("a file that arrived is not shown twice, and is no other file and no text", () => {
  const file = { name: "offer.pdf", size: 3, type: "application/pdf" };
  const one = (more: Partial<PendingMessage> = {}): PendingMessage => ({
    key: "x",
    conversation: "a",
    text: "",
    file,
    at: 0,
    state: "sending",
    after: "msg_5",
    ...more,
  });
  const media = { kind: "document" as const, name: "offer.pdf", size: 3 };
  const said = (more: object = {}) => ({
    id: "msg_6",
    author: "person" as const,
    kind: "document" as const,
    text: null,
    media,
    ...more,
  });
  const isThere = (pending: PendingMessage, message: ReturnType<typeof said>) =>
    unarrived([pending], [message]).length === 0;
  expect(isThere(one(), said())).toBe(true);
  expect(isThere(one({ text: "ok" }), said({ text: "ok" }))).toBe(true);
  expect(isThere(one({ lost: "reloaded", state: "failed" }), said()), "sent before the reload").toBe(true);
  expect(isThere(one(), said({ text: "ok" })), "another caption").toBe(false);
  expect(isThere(one(), said({ media: { ...media, name: "of fer.pdf" } })), "cleaned on its way").toBe(true);
  expect(isThere(one(), said({ media: { ...media, name: "offre.pdf" } })), "a colleague's").toBe(false);
  expect(isThere(one(), said({ media: { ...media, size: 4 } })), "another file").toBe(false);
  expect(isThere(one(), said({ media: { ...media, size: null } })), "known by its name").toBe(true);
  expect(isThere(one(), said({ media: { ...media, size: null, name: "b.pdf" } }))).toBe(false);
  expect(isThere(one({ text: "ok" }), said({ text: "ok", media: null })), "a text").toBe(false);
  expect(isThere(one({ text: "ok", file: undefined }), said({ text: "ok" })), "a caption").toBe(false);
});

const hello = { name: "hello", language: "en_US", values: [], buttons: ["Track"] };

test("a template that was not sent before a reload is sent with its old key", async () => {
  const first = make(() => new Promise(() => {}));
  first.box.writeTemplate("a", "Hello Ada", hello);
  const given: Partial<PendingMessage>[] = [];
  const second = make(async ({ key, text, template }) => {
    given.push({ key, text, template });
    return { id: "m" };
  });
  second.box.wake();
  await settle();
  expect(given).toEqual([{ key: first.box.list()[0]?.key, text: "Hello Ada", template: hello }]);
  expect(second.box.list()).toEqual([]);
});

test("a template that arrived is not shown twice, and is no text of the same words", () => {
  const pending: PendingMessage = {
    key: "x",
    conversation: "a",
    text: "Hello Ada",
    template: hello,
    at: 0,
    state: "sending",
    after: "msg_5",
  };
  const said = (kind: Schemas["MessageKind"]) => ({
    id: "msg_6",
    author: "person" as const,
    kind,
    text: "Hello Ada",
  });
  expect(unarrived([pending], [said("template")])).toEqual([]);
  expect(unarrived([pending], [said("text")])).toEqual([pending]);
  expect(unarrived([{ ...pending, template: undefined }], [said("template")])).toHaveLength(1);
});

test("choices that arrived are not shown twice, although the server adds them to the text", () => {
  const pending: PendingMessage = {
    key: "x",
    conversation: "a",
    text: "Which size?",
    below: { choices: { options: [{ title: "Small" }] } },
    at: 0,
    state: "sending",
    after: "msg_5",
  };
  const said = (kind: Schemas["MessageKind"], text = "Which size?\n\n1. Small") => ({
    id: "msg_6",
    author: "person" as const,
    kind,
    text,
  });
  expect(unarrived([pending], [said("choices")])).toEqual([]);
  expect(unarrived([pending], [said("text", "Which size?")])).toEqual([pending]);
  expect(unarrived([{ ...pending, below: undefined }], [said("choices", "Which size?")])).toHaveLength(1);
});

test("a place that arrived is not shown twice, and neither is a template with its file", () => {
  const pending: PendingMessage = {
    key: "x",
    conversation: "a",
    text: "",
    below: { location: { latitude: 1, longitude: 2 } },
    at: 0,
    state: "sending",
    after: "msg_5",
  };
  const said = { id: "msg_6", author: "person" as const, kind: "location" as const, text: null };
  expect(unarrived([pending], [said])).toEqual([]);
  expect(unarrived([pending], [{ ...said, kind: "contacts" }])).toEqual([pending]);
  const file = { name: "lamp.png", size: 3, type: "image/png" };
  const template = { ...pending, below: undefined, text: "Look", template: hello, file };
  const media = { kind: "image" as const, name: "lamp.png", size: 3 };
  const arrived = { ...said, kind: "template" as const, text: "Look", media };
  expect(unarrived([template], [arrived])).toEqual([]);
  expect(unarrived([template], [{ ...arrived, media: { ...media, name: "other.png" } }])).toEqual([template]);
});
