import { beforeEach, expect, test } from "vitest";
import { forget } from "@/api/session";
import { setTurns, turnsOf } from "./conversation";
import type { Outcome, Reply, Turn } from "./turn";
import { keepTurns, keptTurns } from "./turnStorage";

const place = "frontdesk.chat.shop";
const outcome: Outcome = {
  outcome: "answer",
  bubbles: ["At nine"],
  choices: [],
  citations: [],
  owner: "bot",
  opted_out: false,
  state: "{}",
  trace: { usage: { input_tokens: 0, output_tokens: 0, cost_micros: 0 }, total_ms: 1 },
};
const side = { name: "Draft", source: "a long prompt file" };
const done: Reply = { side, state: "done", text: "At nine", outcome };
const turn = (text: string, ...replies: Reply[]): Turn => ({ id: "turn7", text, replies });

beforeEach(() => sessionStorage.clear());

test("a conversation is kept without what is not needed to show and continue it", () => {
  keepTurns("shop", [{ ...turn("Open?", done), resolved: true }]);
  const kept = { ...done, side: { name: "Draft" } };
  expect(keptTurns("shop")).toEqual([{ id: "kept0", text: "Open?", replies: [kept], resolved: true }]);
  expect(keptTurns("other")).toEqual([]);
  keepTurns("shop", []);
  expect(sessionStorage.length).toBe(0);
});

test("half of a reply is not kept as done; it can be asked for again, of the same prompt file", () => {
  const half: Reply = { side, state: "writing", text: "At n" };
  const failed: Reply = { side, state: "failed", text: "", error: new Error("gone") };
  keepTurns("shop", [turn("Open?", half, failed)]);
  expect(keptTurns("shop")[0]?.replies).toEqual([
    { side, state: "stopped", text: "At n" },
    { side, state: "stopped", text: "" },
  ]);
});

test("of a voice note what was heard is kept, and nothing before it is heard", () => {
  const voice = { file: new File([], "a.ogg"), url: "blob:a" };
  keepTurns("shop", [
    { ...turn("", done), voice },
    { ...turn("", { ...done, state: "stopped" }), voice },
  ]);
  expect(keptTurns("shop")).toHaveLength(1);
  expect(keptTurns("shop")[0]).not.toHaveProperty("voice");
});

test("the oldest turns give way where there is no room for all", () => {
  const long = "x".repeat(160_000);
  keepTurns("shop", [turn(`1${long}`, done), turn(`2${long}`, done), turn(`3${long}`, done)]);
  expect(keptTurns("shop").map(({ text }) => text[0])).toEqual(["2", "3"]);
  keepTurns("shop", [turn(long + long + long, done)]);
  expect(keptTurns("shop")).toEqual([]);
});

test.each([
  "{",
  "null",
  '{"text":"Open?"}',
  '[{"text":"Open?"}]',
  '[{"text":"Open?","replies":[{"side":{"name":"Draft"},"text":"","state":"writing"}]}]',
  '[{"text":"Open?","replies":[{"side":{"name":"Draft"},"text":"","state":"done"}]}]',
  '[{"text":"Open?","replies":[{"side":{"name":"Draft"},"text":"","state":"done","outcome":{"bubbles":[1]}}]}]',
])("what cannot be read is dropped: %s", (text) => {
  sessionStorage.setItem(place, text);
  expect(keptTurns("shop")).toEqual([]);
  expect(sessionStorage.getItem(place)).toBeNull();
});

test("nothing of a conversation is left for the next person at this browser", () => {
  setTurns("shop", [turn("Hello", done)]);
  expect(sessionStorage.getItem(place)).toContain("Hello");
  forget();
  expect(turnsOf("shop")).toEqual([]);
  expect(sessionStorage.getItem(place)).toBeNull();
});
