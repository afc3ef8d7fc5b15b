// A template is filled and checked as the server does it.
import { expect, test } from "vitest";
import {
  canFallBack,
  filled,
  hasWords,
  headerFile,
  isSame,
  isSendable,
  linkBeginning,
  partsOf,
  problemsOf,
  type Template,
} from "./template";

const order: Template = {
  name: "order_update",
  language: "en_US",
  category: "utility",
  state: "approved",
  supported: true,
  layout: {
    header: { kind: "text", text: "Order {{1}}" },
    body: "Hello {{1}}, your {{ 2 }} is ready. {{1}}!",
    footer: "Harbour Books",
    buttons: [
      { kind: "url", text: "Track", url: "https://shop.example/orders/{{1}}" },
      { kind: "quick_reply", text: "Thanks" },
    ],
    named: false,
  },
  parameters: [
    { part: "header", name: "1" },
    { part: "body", name: "1" },
    { part: "body", name: "2" },
    { part: "button", name: "0" },
  ],
};
const whole = { "header.1": "A-17", "body.1": "{{2}} Ana", "body.2": " bike ", "button.0": "A-17" };
const problems = (change: object) => Object.fromEntries(problemsOf(order, { ...whole, ...change }));

test("it is filled in its own order, and a value is never filled itself", () => {
  const { reply, text, buttons } = filled(order, whole);
  expect(text).toBe("Order A-17\n\nHello {{2}} Ana, your bike is ready. {{2}} Ana!\n\nHarbour Books");
  expect(reply).toEqual({
    name: "order_update",
    language: "en_US",
    values: [
      { part: "header", name: "1", value: "A-17" },
      { part: "body", name: "1", value: "{{2}} Ana" },
      { part: "body", name: "2", value: "bike" },
      { part: "button", name: "0", value: "A-17" },
    ],
  });
  expect(buttons).toEqual(["Track", "Thanks"]);
});

test("the preview has a gap for what is missing, and braces that are no placeholder stay", () => {
  const gap = ({ name }: { name: string }) => `[${name}]`;
  expect(partsOf(order, { "body.1": "Ana" }, gap)).toEqual({
    header: "Order [1]",
    body: "Hello Ana, your [2] is ready. Ana!",
    footer: "Harbour Books",
  });
  const odd = { ...order, layout: { ...order.layout, header: null, body: "{{a b}} {{2}} {{1" } };
  expect(partsOf(odd, whole)).toEqual({ body: "{{a b}} bike {{1", footer: "Harbour Books" });
});

test("what WhatsApp would refuse is said of its value", () => {
  expect(problems({})).toEqual({});
  expect(problems({ "body.2": "  " })).toEqual({ "body.2": { kind: "missing" } });
  for (const text of ["a\nb", "a\tb", "a     b"])
    expect(problems({ "body.2": text }), text).toEqual({ "body.2": { kind: "notOneLine" } });
  for (const text of ["a b", "a\tb", "https://evil.example/"])
    expect(problems({ "button.0": text }), text).toEqual({ "button.0": { kind: "notLinkEnd" } });
  expect(problems({ "button.0": "a/b?c=d:e" }), "the end of an address").toEqual({});
  expect(problems({ "body.2": "a    b" }), "four spaces are taken").toEqual({});
  expect(problems({ "header.1": "x".repeat(54) })).toEqual({});
  expect(problems({ "header.1": "😀".repeat(54) }), "characters, not code units").toEqual({});
  expect(problems({ "header.1": "x".repeat(55) })).toEqual({
    "header.1": { kind: "tooLong", part: "header", length: 61, most: 60 },
  });
  expect(problems({ "body.2": "x".repeat(1_024) })["body.2"]).toMatchObject({ kind: "tooLong", most: 1_024 });
  expect(problems({ "button.0": "x".repeat(1_990) })["button.0"]).toMatchObject({ part: "button" });
});

test("only what is approved and can be filled is sent", () => {
  expect(isSendable(order)).toBe(true);
  expect(isSendable({ ...order, state: "paused" })).toBe(false);
  expect(isSendable({ ...order, supported: false })).toBe(false);
});

test("it is found by its name and its text", () => {
  for (const words of ["ORDER_up", "order update", "is ready", "harbour", " "])
    expect(hasWords(order, words)).toBe(true);
  expect(hasWords(order, "invoice")).toBe(false);
});

test("it is the same only with the same texts and values", () => {
  expect(isSame(order, { ...order, state: "paused" })).toBe(true);
  expect(isSame(order, { ...order, layout: { ...order.layout, footer: "Blue Books" } })).toBe(false);
  expect(isSame(order, { ...order, parameters: order.parameters.slice(1) })).toBe(false);
});

test("the end of a link is told from its beginning", () => {
  expect(linkBeginning(order, { part: "button", name: "0" })).toBe("https://shop.example/orders/");
  expect(linkBeginning(order, { part: "button", name: "1" })).toBeUndefined();
  expect(linkBeginning(order, { part: "body", name: "1" })).toBeUndefined();
});

test("a picture above the text is a file, and a place has its own values", () => {
  const layout = { ...order.layout, header: { kind: "image" as const, text: "" } };
  const picture: Template = { ...order, layout, parameters: [{ part: "body", name: "1" }] };
  expect(headerFile(picture)).toBe("image");
  expect(filled(picture, { "body.1": "Ana" }).text).toMatch(/^Hello Ana/);
  expect([canFallBack(picture), canFallBack({ ...picture, parameters: [] })]).toEqual([false, false]);
  const names = ["latitude", "longitude", "name", "address"];
  const place: Template = {
    ...order,
    layout: { ...layout, header: { kind: "location", text: "" } },
    parameters: names.map((name) => ({ part: "header", name })),
  };
  const values = { "header.latitude": "51.5", "header.longitude": "-0.1", "header.name": "Acme" };
  const whole = { ...values, "header.address": "1 Quay St" };
  expect(headerFile(place)).toBeUndefined();
  expect(problemsOf(place, whole).size).toBe(0);
  expect(filled(place, whole).text).toMatch(/^Acme, 1 Quay St\n\n/);
  for (const wrong of ["91", "north"])
    expect(problemsOf(place, { ...whole, "header.latitude": wrong }).get("header.latitude")).toEqual({
      kind: "notPlace",
    });
});

test("a button copies a short code", () => {
  const buttons = [{ kind: "copy_code" as const, text: "Copy" }];
  const code: Template = {
    ...order,
    layout: { ...order.layout, buttons },
    parameters: [{ part: "button", name: "0" }],
  };
  expect(problemsOf(code, { "button.0": "SAVE10" }).size).toBe(0);
  for (const wrong of ["SAVE 10", "x".repeat(16)])
    expect(problemsOf(code, { "button.0": wrong }).get("button.0")).toEqual({ kind: "notCode" });
});
