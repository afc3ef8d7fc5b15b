import { expect, test } from "vitest";
import { actorOf } from "./actor";

test("who did something is told from how the log names them", () => {
  expect(actorOf("console 1a2b3c4d")).toEqual({ kind: "console", name: "1a2b3c4d" });
  expect(actorOf("ada on box1 (command)")).toEqual({ kind: "terminal", name: "ada on box1" });
  expect(actorOf("somebody on box1 (command)")).toEqual({ kind: "machine", name: "box1" });
  for (const [written, kind] of [
    ["admin key", "key"],
    ["sign-in link", "link"],
    ["prompt file", "file"],
    ["desk", "desk"],
    ["unknown", "unknown"],
  ])
    expect(written && actorOf(written).kind).toBe(kind);
  expect(actorOf("console <b>")).toEqual({ kind: "other", name: "console <b>" });
  expect(actorOf("constructor")).toEqual({ kind: "other", name: "constructor" });
});
