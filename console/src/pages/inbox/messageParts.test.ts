import { expect, test } from "vitest";
import { beginning, cardsOf, gist, itemsOf, linksOf, totalOf } from "./messageParts";

const order = {
  catalog_id: "194836987003835",
  product_items: [
    { product_retailer_id: "lamp", quantity: 2, item_price: 30, currency: "USD" },
    { product_retailer_id: "shade", quantity: "1", item_price: "25.5", currency: "USD" },
  ],
};

test("an order has its products, quantities and prices", () => {
  const items = itemsOf(order);
  expect(items).toEqual([
    { product: "lamp", quantity: 2, price: 30, currency: "USD" },
    { product: "shade", quantity: 1, price: 25.5, currency: "USD" },
  ]);
  expect(totalOf(items)).toEqual({ amount: 85.5, currency: "USD" });
});

test("an order without prices has no total, and one that is no order no items", () => {
  const items = itemsOf({ product_items: [{ product_retailer_id: "lamp", quantity: 1 }, null, "x"] });
  expect(items).toEqual([{ product: "lamp", quantity: 1, price: undefined, currency: "" }]);
  expect(totalOf(items)).toBeUndefined();
  for (const bad of [null, "order", [], {}, { product_items: 5 }]) expect(itemsOf(bad)).toEqual([]);
  expect(totalOf([])).toBeUndefined();
});

test("a card has its phones and addresses; without cards the names are shown", () => {
  const cards = [
    {
      name: { formatted_name: "Chandler Bing" },
      phones: [{ phone: "+1 555-555-5555", wa_id: "15555555555" }, { wa_id: "447700900001" }, {}],
      emails: [{ email: "c@example.com" }],
    },
    { name: { first_name: "Monica" } },
  ];
  expect(cardsOf({ names: [], cards })).toEqual([
    { name: "Chandler Bing", phones: ["+1 555-555-5555", "+447700900001"], emails: ["c@example.com"] },
    { name: "Monica", phones: [], emails: [] },
  ]);
  expect(cardsOf({ names: ["Ada"], cards: null })).toEqual([{ name: "Ada", phones: [], emails: [] }]);
});

test("a long message is folded at a word, one with many lines at a line", () => {
  expect(beginning("short")).toBeUndefined();
  const long = beginning("word ".repeat(4_000)) ?? "";
  expect(long.length).toBeLessThanOrEqual(1_500);
  expect(long.endsWith("word")).toBe(true);
  expect(beginning("字".repeat(4_000))).toHaveLength(1_500);
  expect(beginning("a\n".repeat(100))?.split("\n")).toHaveLength(30);
  expect(beginning("😀".repeat(1_000))).toHaveLength(1_500);
  expect(beginning(`x${"😀".repeat(1_000)}`)).toHaveLength(1_499);
});

test("a card links phones and mail addresses, and nothing that its writer made of them", () => {
  const phones = ["+1 555-555", "call me"];
  const emails = [
    "c@example.com",
    "o'brien@example.com",
    "josé@пример.example",
    "c@example.com?bcc=x@evil.example&body=hi",
    "javascript:alert(1)",
    "www.c.example",
  ];
  expect(linksOf({ name: "C", phones, emails })).toEqual([
    { text: "+1 555-555", href: "tel:+1555555" },
    { text: "call me" },
    { text: "c@example.com", href: "mailto:c@example.com" },
    { text: "o'brien@example.com", href: "mailto:o'brien@example.com" },
    { text: "josé@пример.example", href: "mailto:josé@пример.example" },
    { text: "c@example.com?bcc=x@evil.example&body=hi" },
    { text: "javascript:alert(1)" },
    { text: "www.c.example" },
  ]);
});

test("a file without words is known by its name", () => {
  const message = {
    id: "msg_1",
    sent_at: 1,
    direction: "out" as const,
    author: "person" as const,
    kind: "document" as const,
    content: { type: "media" as const, kind: "document" as const },
    media: { kind: "document" as const, name: "offer_*new*.pdf" },
    state: "sent" as const,
  };
  expect(gist(message)).toBe("offer_*new*.pdf");
  expect(gist({ ...message, text: "our *offer*" })).toBe("our offer");
});
