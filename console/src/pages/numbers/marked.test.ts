// No backtick is shown to the reader.
import { expect, test } from "vitest";
import { marked } from "./marked";

test("what stands between backticks is code", () => {
  expect(marked("switch `messages` on")).toEqual([
    { text: "switch ", code: false },
    { text: "messages", code: true },
    { text: " on", code: false },
  ]);
  expect(marked("`curl`")).toEqual([{ text: "curl", code: true }]);
  expect(marked("plain")).toEqual([{ text: "plain", code: false }]);
});
