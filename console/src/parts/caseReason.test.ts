import { expect, test } from "vitest";
import { readReason } from "./caseReason";

test("the server's reasons are known, others stay", () => {
  expect(readReason("the customer said “speak to a person”")).toEqual({
    kind: "keyword",
    rule: "speak to a person",
  });
  expect(readReason("the message matched the pattern `(?i)order \\d+`")).toEqual({
    kind: "pattern",
    rule: "(?i)order \\d+",
  });
  expect(readReason("the day's money for models is used up, and the documents hold no plain answer")).toEqual(
    { kind: "budget" },
  );
  expect(readReason("the bot's prompt cannot be used: it takes too long")).toEqual({
    kind: "prompt",
    problem: "it takes too long",
  });
  expect(readReason("the bot failed: the customer got the failure sentence")).toEqual({ kind: "failure" });
  expect(readReason("a message arrived too late for the bot to answer it")).toEqual({ kind: "stale" });
  expect(readReason("the customer accepted the offer of a person")).toEqual({ kind: "person_offer" });
  expect(readReason("the bot called a person")).toEqual({ kind: "model" });
  expect(readReason("the bot called a person: the documents do not answer")).toEqual({
    kind: "model_unanswered",
  });
  expect(readReason("a message could not be sent: Message undeliverable")).toEqual({
    kind: "unsent",
    problem: "Message undeliverable",
  });
  expect(
    readReason("a message could not be sent: the 24-hour window is closed: WhatsApp takes only a template"),
  ).toEqual({ kind: "unsentWindow" });
  expect(readReason("it is not known whether this message of ours reached the customer")).toEqual({
    kind: "unknown",
  });
  expect(readReason("the same text came 5 times in a row: probably another bot")).toEqual({
    kind: "repeats",
    count: 5,
  });
  expect(readReason("12 messages came within a minute: faster than a person writes")).toEqual({
    kind: "floods",
    count: 12,
  });
  expect(readReason("our replies were answered at once 4 times in a row: probably another bot")).toEqual({
    kind: "answersAtOnce",
    count: 4,
  });
  expect(readReason("something new")).toEqual({ kind: "other" });
});
