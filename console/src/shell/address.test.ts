import { expect, test } from "vitest";
import { number, parseSearch, stringifySearch, text } from "./address";

test("what is searched for stays text, whatever it looks like", () => {
  for (const q of [
    "447700900021",
    "+447700900021",
    "07700 900021",
    "true",
    "null",
    "1e5",
    '"quoted"',
    "a&b=c",
  ]) {
    const read = parseSearch(stringifySearch({ q, show: undefined }));
    expect(text(read.q)).toBe(q);
    expect(Object.keys(read)).toEqual(["q"]);
  }
  expect(text(parseSearch("?q=447700900021").q)).toBe("447700900021");
  expect(stringifySearch({ q: undefined })).toBe("");
});

test("a number is read from text", () => {
  expect(number(parseSearch("?days=7").days)).toBe(7);
  expect(number(7)).toBe(7);
  expect(number("")).toBeUndefined();
  expect(number("many")).toBeUndefined();
});
