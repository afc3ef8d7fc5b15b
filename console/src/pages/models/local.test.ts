import { expect, test } from "vitest";
import { shortened } from "./LocalModels";

const model = (name: string, more: object = {}) => ({
  name,
  task: "speech" as const,
  about: null,
  bytes: 1,
  installed: false,
  in_use: false,
  received: null,
  failure: null,
  ...more,
});

test("what is there, comes or failed is always shown, of the rest the first of each task", () => {
  const models = [
    model("one"),
    model("two", { installed: true }),
    model("three"),
    model("four"),
    model("five", { received: 0 }),
    model("six", { failure: "no room" }),
    model("seven", { task: "embeddings" as const }),
  ];
  expect(shortened(models).map(({ name }) => name)).toEqual(["one", "two", "three", "five", "six", "seven"]);
});
