import { expect, test, vi } from "vitest";
import {
  growReply,
  historyFor,
  patchReply,
  saidIn,
  setTurns,
  silentAfter,
  stateFor,
  turnsOf,
} from "./conversation";
import type { Outcome, Reply, Turn } from "./turn";

const outcome = (bubbles: string[], heard?: string): Outcome => ({
  outcome: "answer",
  bubbles,
  choices: [],
  citations: [],
  owner: "bot",
  opted_out: false,
  state: "{}",
  trace: {
    transcribe: heard ? { question: heard, notes: [{ transcript: heard }], took_ms: 1 } : null,
    usage: { input_tokens: 0, output_tokens: 0, cost_micros: 0 },
    total_ms: 1,
  },
});
const reply = (text: string, rest: Partial<Reply> = {}): Reply => ({
  side: { name: "Draft" },
  state: "done",
  text,
  outcome: outcome([text]),
  ...rest,
});
const turn = (id: string, text: string, ...replies: Reply[]): Turn => ({ id, text, replies });

test("each side keeps its own history, and takes the first one's where it was not asked", () => {
  const turns = [turn("1", "Hi", reply("Hello")), turn("2", "Open?", reply("At nine"), reply("At ten"))];
  expect(historyFor(turns, 0).map(({ text }) => text)).toEqual(["Hi", "Hello", "Open?", "At nine"]);
  expect(historyFor(turns, 1).map(({ text }) => text)).toEqual(["Hi", "Hello", "Open?", "At ten"]);
  expect(historyFor(turns, 1, "2").map(({ speaker }) => speaker)).toEqual(["customer", "bot"]);
});

test("what was not answered to its end is not told; silence is", () => {
  const turns = [
    turn("1", "A", reply("", { state: "failed", outcome: undefined })),
    turn("2", "B", reply("half", { state: "stopped", outcome: undefined })),
    turn("3", "C", reply("", { outcome: outcome([]) })),
  ];
  expect(historyFor(turns, 0)).toEqual([{ speaker: "customer", text: "C" }]);
});

test("a hand-off silences the bot until it is resolved, and its announcement is not history", () => {
  const called: Outcome = {
    ...outcome(["A colleague comes."]),
    outcome: "hand_over",
    owner: "person",
    state: "p",
  };
  const turns = [turn("1", "Human!", reply("A colleague comes.", { outcome: called }))];
  expect(historyFor(turns, 0)).toEqual([{ speaker: "customer", text: "Human!" }]);
  expect(silentAfter(turns)).toBe("person");
  expect(stateFor(turns, 0)).toEqual({ state: "p", resolve: false });
  const [first] = turns;
  const resolved = first ? [{ ...first, resolved: true }] : [];
  expect(silentAfter(resolved)).toBeUndefined();
  expect(stateFor(resolved, 0)).toEqual({ state: "p", resolve: true });
  const after = [...resolved, turn("2", "Open?", reply("At nine"))];
  expect(stateFor(after, 0)).toEqual({ state: "{}", resolve: false });
  expect(stateFor(after, 0, "2")).toEqual({ state: "p", resolve: true });
  const out: Outcome = { ...outcome([]), outcome: "opt_out", opted_out: true };
  expect(silentAfter([turn("3", "STOP", reply("", { outcome: out }))])).toBe("optedOut");
});

test("a voice note counts as what was heard", () => {
  const spoken: Turn = { ...turn("1", ""), voice: { file: new File([], "a.ogg"), url: "" } };
  expect(saidIn(spoken, reply("x", { outcome: outcome(["x"], "When do you open?") }))).toBe(
    "When do you open?",
  );
});

test("a reply is changed where it stands, the others stay as they are", () => {
  const turns = [turn("1", "A", reply("a")), turn("2", "B", reply("b"))];
  setTurns("shop", turns);
  patchReply("shop", "2", 0, ({ text }) => ({ text: `${text}!` }));
  expect(turnsOf("shop")[1]?.replies[0]?.text).toBe("b!");
  expect(turnsOf("shop")[0]).toBe(turns[0]);
});

test("a conversation outlives the page; what is being written is kept once it ends", async () => {
  setTurns("cafe", [
    turn("1", "A", reply("a")),
    turn("2", "B", reply("", { state: "writing", outcome: undefined })),
  ]);
  growReply("cafe", "2", 0, "half");
  expect(turnsOf("cafe")[1]?.replies[0]?.text).toBe("half");
  vi.resetModules();
  const after = await import("./conversation");
  const [first, second] = after.turnsOf("cafe");
  expect(first?.replies[0]).toMatchObject({ state: "done", text: "a" });
  expect(second?.replies[0]).toMatchObject({ state: "stopped", text: "" });
  after.patchReply("cafe", second?.id ?? "", 0, () => ({
    state: "done",
    text: "b",
    outcome: outcome(["b"]),
  }));
  vi.resetModules();
  const last = (await import("./conversation")).turnsOf("cafe");
  expect(historyFor(last, 0).map(({ text }) => text)).toEqual(["A", "a", "B", "b"]);
});
