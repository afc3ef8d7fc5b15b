import { expect, test } from "vitest";
import { type DraftTexts, draftOf, placeholdersOf, shapeOf } from "./templateDraft";

const texts: DraftTexts = {
  name: "order_update",
  language: "en_US",
  category: "utility",
  header: "Order {{1}}",
  body: " Hello {{2}}, {{1}} and {{2}} are here. ",
  footer: "",
  buttons: [
    { kind: "quick_reply", text: "Thanks" },
    { kind: "url", text: "Track", url: "https://shop.example/{{1}}" },
  ],
};

test("the values of a text are found by their numbers, each once", () => {
  expect(placeholdersOf("{{10}} {{2}} {{ 1 }} {{2}} {{name}} {{")).toEqual(["1", "2", "10"]);
});

test("what is submitted has an example of each value, and nothing empty", () => {
  const { parameters } = shapeOf(texts);
  expect(parameters.map(({ part, name }) => `${part}.${name}`)).toEqual([
    "header.1",
    "body.1",
    "body.2",
    "button.1",
  ]);
  const draft = draftOf(texts, {
    "header.1": "A-17",
    "body.1": " Ana ",
    "body.2": "bike",
    "button.1": "A-17",
    "body.9": "x",
  });
  expect(draft.body).toBe("Hello {{2}}, {{1}} and {{2}} are here.");
  expect(draft.footer).toBeNull();
  expect(draft.examples?.map(({ value }) => value)).toEqual(["A-17", "Ana", "bike", "A-17"]);
});
