import { expect, test } from "vitest";
import { headerValue, readPrompt } from "@/parts/promptFile";
import { addressOf, collectionOf, reviewed, unused } from "./draft";

test("an address is taken as people type it", () => {
  expect(addressOf(" green-kettle.com ")).toBe("https://green-kettle.com/");
  expect(addressOf("http://127.0.0.1:8000/shop")).toBe("http://127.0.0.1:8000/shop");
  for (const wrong of ["", "our shop", "kettle", "ftp://kettle.com", "javascript://kettle.com"])
    expect(addressOf(wrong)).toBeUndefined();
});

test("a collection is named after its website, and anew if the name is taken", () => {
  expect(collectionOf("https://www.green-kettle.co.uk/", [])).toBe("green-kettle");
  expect(collectionOf("https://green-kettle.com/", ["green-kettle", "green-kettle-2"])).toBe(
    "green-kettle-3",
  );
  expect(collectionOf("http://127.0.0.1:8000/", [])).toBe("website");
  expect(unused("a", ["b"])).toBe("a");
});

const draft = {
  name: ' Kettle: "tea"',
  languages: ["en", "es"],
  hours: "Monday: {{ closed }}\n\n Tuesday 9–18 ",
  keywords: ["human", "a, b"],
};

test("a prompt file holds what was reviewed", () => {
  const source = reviewed("---\nname: x\n---\nHi {{ agent }}.\n", draft, "shop", "Opening hours:");
  expect(headerValue(source, ["name"])).toBe('Kettle: "tea"');
  expect(headerValue(source, ["knowledge"])).toEqual(["shop"]);
  expect(headerValue(source, ["languages"])).toEqual(["en", "es"]);
  expect(headerValue(source, ["handoff", "keywords"])).toEqual(["human", "a, b"]);
  expect(readPrompt(source).body).toBe(
    "Hi {{ agent }}.\n\nOpening hours:\n- Monday:  closed\n- Tuesday 9–18\n",
  );
});

test("what was emptied in the review is not in the file", () => {
  const empty = { name: "K", languages: [], hours: " \n", keywords: [] };
  const plain = reviewed("---\nname: x\n---\nHi.\n", empty, "shop", "Opening hours:");
  expect(plain).toBe("---\nname: K\nknowledge:\n  - shop\n---\nHi.\n");
  const written = "---\nname: x\nlanguages: [de]\nhandoff: { keywords: [help], reply: Wait }\n---\nHi.\n";
  const source = reviewed(written, empty, "shop", "Opening hours:");
  expect(headerValue(source, ["languages"])).toBeUndefined();
  expect(headerValue(source, ["handoff", "keywords"])).toEqual([]);
});
