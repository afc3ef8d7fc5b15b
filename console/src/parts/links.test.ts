// Addresses become links; nothing else does.
import { expect, test } from "vitest";
import { pieces } from "./links";

const links = (text: string) =>
  pieces(text)
    .filter(({ href }) => href)
    .map(({ text: shown, href }) => [shown, href]);

test("addresses of the web and of mail", () => {
  expect(links("See https://shop.example/a?b=c#d, or www.shop.example.")).toEqual([
    ["https://shop.example/a?b=c#d", "https://shop.example/a?b=c#d"],
    ["www.shop.example", "https://www.shop.example/"],
  ]);
  expect(links("ana@shop.example")).toEqual([["ana@shop.example", "mailto:ana@shop.example"]]);
});

test("the end of a longer mail address is no address", () => {
  const most = `${"a.".repeat(31)}aa@x.example`;
  expect(links(most)).toEqual([[most, `mailto:${most}`]]);
  expect(links(`a${most}`)).toEqual([]);
  expect(links(`${"a".repeat(10)}.${most}`)).toEqual([]);
  expect(links("...ana@x.example")).toEqual([["ana@x.example", "mailto:ana@x.example"]]);
});

test("brackets belong to an address that opened them", () => {
  expect(links("(https://x.example/a_(b))")).toEqual([
    ["https://x.example/a_(b)", "https://x.example/a_(b)"],
  ]);
  expect(links("[see (https://x.example/a).]")).toEqual([["https://x.example/a", "https://x.example/a"]]);
  expect(links("راجع https://x.example/a؟")).toEqual([["https://x.example/a", "https://x.example/a"]]);
});

// Quadratic work here takes minutes, which vitest does not wait for.
test("what a customer makes of brackets and dots is read at once", () => {
  const long = 100_000;
  expect(links(`https://x.example/${")".repeat(long)}`)).toEqual([
    ["https://x.example/", "https://x.example/"],
  ]);
  expect(links("a.".repeat(long))).toEqual([]);
  expect(links(`${".".repeat(long)}a@`.repeat(2))).toEqual([]);
  expect(links(`https://x.example/${".".repeat(long)}a`)).toHaveLength(1);
});

test("nothing that runs", () => {
  expect(links("javascript:alert(1) data:text/html,x file:///etc http://localhost https://")).toEqual([]);
  expect(links('https://x.example/"onclick="alert(1)')).toEqual([
    ["https://x.example/", "https://x.example/"],
  ]);
});

test("every word stays", () => {
  const text = "a https://x.example b\nc@d.example, e";
  expect(
    pieces(text)
      .map((piece) => piece.text)
      .join(""),
  ).toBe(text);
});
