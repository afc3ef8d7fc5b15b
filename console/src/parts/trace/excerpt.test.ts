import { expect, test } from "vitest";
import { excerpt, sentencesOf, statementsOn, withoutMarks } from "./excerpt";
import type { Trace } from "./trace";

const hours = `# Opening hours

The shop opens at nine in the morning and
closes at six. On Sundays it is **closed**.

- On public holidays the shop opens at noon.
- The café in the shop is open to eight.

| Day | Repairs |
|-----|---------|
| Monday | until 17:30 |
| Friday | until 19:00 |
`;

test("a passage is cut into sentences, items and rows, without marks", () => {
  expect(sentencesOf(hours)).toEqual([
    "Opening hours",
    "The shop opens at nine in the morning and closes at six.",
    "On Sundays it is closed.",
    "On public holidays the shop opens at noon.",
    "The café in the shop is open to eight.",
    "Day · Repairs",
    "Monday · until 17:30",
    "Friday · until 19:00",
  ]);
});

test("a statement rests on the sentence with most of its rare words in common", () => {
  const one = (statement: string) => excerpt(hours, [statement]);
  expect(one("We open at nine.")).toEqual(["The shop opens at nine in the morning and closes at six."]);
  expect(one("We are closed on Sundays.")).toEqual(["On Sundays it is closed."]);
  expect(one("On holidays we open at noon.")).toEqual(["On public holidays the shop opens at noon."]);
  expect(one("Our cafe is open until eight.")).toEqual(["The café in the shop is open to eight."]);
  expect(one("On Fridays, repairs are done until 19:00.")).toEqual(["Friday · until 19:00"]);
});

test("several statements are shown once, in the passage's order", () => {
  expect(excerpt(hours, ["Closed on Sundays.", "We open at nine.", "The shop closes at six."])).toEqual([
    "The shop opens at nine in the morning and closes at six.",
    "On Sundays it is closed.",
  ]);
});

test("nothing is taken for evidence that is none", () => {
  expect(excerpt(hours, ["Wir reparieren alte Schreibmaschinen und Radios."])).toEqual([]);
  expect(excerpt("Only one sentence.", ["Etwas anderes."])).toEqual(["Only one sentence."]);
  expect(excerpt("", ["We open."])).toEqual([]);
});

test("it works in languages without spaces or with other scripts", () => {
  expect(excerpt("店は九時に開きます。日曜日は休みです。", ["日曜日はお休みです。"])).toEqual([
    "日曜日は休みです。",
  ]);
  expect(excerpt("يفتح المتجر في التاسعة. يوم الأحد مغلق.", ["المتجر مغلق يوم الأحد."])).toEqual([
    "يوم الأحد مغلق.",
  ]);
});

const traced = (raw: string, verdicts: object[] = []): Trace => ({
  usage: { input_tokens: 0, output_tokens: 0, cost_micros: 0 },
  total_ms: 0,
  reply: {
    model: "m",
    raw,
    calls_person: false,
    repairs: [],
    errors: [],
    citations: [],
    took_ms: 1,
    checked:
      verdicts.length > 0
        ? {
            verdicts: verdicts.map((one) => ({ text: "", supported: true, cited: [], why: "", ...one })),
            score: 1,
            threshold: 0.5,
            hold_below: 0,
            action: "",
            took_ms: 1,
          }
        : null,
  },
});

test("what was checked says what is stated on a passage", () => {
  const trace = traced("x [1]", [
    { text: "We open at nine.", passage: 1, cited: [] },
    { text: "It takes a week.", passage: 2, cited: [2] },
    { text: "Both.", passage: null, cited: [1, 2] },
  ]);
  expect(statementsOn(1, trace, "")).toEqual(["We open at nine.", "Both."]);
});

test("else the marks do, before or after the full stop", () => {
  const trace = traced("We open at nine [1]. On Sundays we rest. [2] Books take a week [1, 3].");
  expect(statementsOn(1, trace, "")).toEqual(["We open at nine.", "Books take a week."]);
  expect(statementsOn(2, trace, "")).toEqual(["On Sundays we rest."]);
  expect(statementsOn(3, trace, "")).toEqual(["Books take a week."]);
});

test("else the whole answer counts", () => {
  expect(statementsOn(1, traced("We open at nine. We close at six."), "We open at *nine*. Bye.")).toEqual([
    "We open at nine.",
    "Bye.",
  ]);
});

test("a model's output is read as a customer would get it", () => {
  expect(withoutMarks("We open at **nine** [1]. On Sundays, too [1, 2].\n")).toBe(
    "We open at *nine*. On Sundays, too.",
  );
});
