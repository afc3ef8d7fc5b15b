// Which words of a passage are marked.
import { expect, test } from "vitest";
import { pieces } from "./words";

const found = (text: string, question: string) =>
  pieces(text, question)
    .filter((piece) => piece.found)
    .map((piece) => piece.text);

test("words are found in another form, with other accents and capitals", () => {
  expect(found("The shop opens at nine.", "When do you open?")).toEqual(["opens"]);
  expect(found("Horário de ABERTURA", "horario abertura")).toEqual(["Horário", "ABERTURA"]);
  expect(found("Deliveries take a day", "delivery")).toEqual(["Deliveries"]);
  expect(found("ساعات العمل", "ما ساعات العمل؟")).toEqual(["ساعات", "العمل"]);
});

test("short words and beginnings of long ones are not", () => {
  expect(found("It is at the port", "is it at a po")).toEqual([]);
  expect(found("carbonated", "car")).toEqual([]);
});

test("nothing of the text is lost", () => {
  const text = "One,  two\nthree!";
  expect(
    pieces(text, "two three")
      .map((piece) => piece.text)
      .join(""),
  ).toBe(text);
});
