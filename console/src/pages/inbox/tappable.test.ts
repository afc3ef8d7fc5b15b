import { expect, test } from "vitest";
import { contentOf, isList, kindOf, problemOf, type TappableDraft, tappableOf } from "./tappable";

const draft = (change: Partial<TappableDraft> = {}): TappableDraft => ({
  kind: "choices",
  titles: ["Small", " ", "Large "],
  list: "Sizes",
  label: "Menu",
  url: "https://acme.example/menu",
  coordinates: "51.5007, -0.1246",
  name: "Acme",
  address: " ",
  phones: "+44 7700 900123\n",
  products: "lamp-1",
  catalog: "77",
  header: "",
  flow: "12",
  screen: "",
  ...change,
});

test("few short choices are buttons, and others a list with its label", () => {
  expect(tappableOf(draft())).toEqual({ choices: { options: [{ title: "Small" }, { title: "Large" }] } });
  for (const titles of [["1", "2", "3", "4"], ["A choice of 21 chars."]]) {
    expect(isList(draft({ titles }))).toBe(true);
    expect(tappableOf(draft({ titles })).choices?.list).toBe("Sizes");
    expect(problemOf("Which?", draft({ titles, list: " " }))).toBe("list");
  }
  expect(tappableOf(draft({ kind: "link" }))).toEqual({
    link: { label: "Menu", url: "https://acme.example/menu" },
  });
});

test("what WhatsApp would refuse is said before", () => {
  expect(problemOf("Which?", draft())).toBeUndefined();
  expect(problemOf(" ", draft())).toBe("text");
  expect(problemOf("x".repeat(1025), draft())).toBe("long");
  expect(problemOf("x".repeat(1025), draft({ titles: ["1", "2", "3", "4"] }))).toBeUndefined();
  expect(problemOf("Which?", draft({ titles: ["", " "] }))).toBe("options");
  expect(problemOf("Which?", draft({ titles: ["Yes", "yes "] }))).toBe("same");
  const link = (url: string, label = "Menu") => problemOf("Look", draft({ kind: "link", url, label }));
  expect(link("https://acme.example")).toBeUndefined();
  expect(link("https://acme.example", " ")).toBe("label");
  for (const url of ["acme.example", "https://acme", "javascript:alert(1)", "https://acme.example/a b", ""])
    expect(link(url), url).toBe("url");
});

test("a place has coordinates on Earth, and no text", () => {
  const place = (coordinates: string) => draft({ kind: "location", coordinates });
  expect(tappableOf(place("51.5007, -0.1246"))).toEqual({
    location: { latitude: 51.5007, longitude: -0.1246, name: "Acme", address: undefined },
  });
  for (const right of ["51.5 -0.1", " -90,180 ", "51.5،0"])
    expect(problemOf("", place(right)), right).toBeUndefined();
  for (const wrong of ["", "51.5", "91, 0", "0, 181", "north, east", "1,2,3"])
    expect(problemOf("", place(wrong)), wrong).toBe("coordinates");
});

test("an address card has a name and phone numbers with their country code", () => {
  const card = (change: Partial<TappableDraft>) => draft({ kind: "contacts", ...change });
  expect(tappableOf(card({ phones: "+44 7700 900123\n +351 912 345 678" }))).toEqual({
    contacts: [{ name: "Acme", phones: ["+44 7700 900123", "+351 912 345 678"] }],
  });
  expect(problemOf("", card({}))).toBeUndefined();
  for (const wrong of [{ name: " " }, { phones: "" }, { phones: "07700 900123" }])
    expect(problemOf("", card(wrong))).toBe("card");
});

test("one product goes by itself, and several below a header and a text", () => {
  const products = (change: Partial<TappableDraft>) => draft({ kind: "products", ...change });
  expect(tappableOf(products({ header: "Lamps" })).products).toEqual({
    catalog: "77",
    sections: [{ products: ["lamp-1"] }],
    header: undefined,
  });
  const several = products({ products: "a, b\nc", header: "Lamps" });
  expect(tappableOf(several).products).toEqual({
    catalog: "77",
    sections: [{ products: ["a", "b", "c"] }],
    header: "Lamps",
  });
  expect(problemOf("", products({}))).toBeUndefined();
  expect(problemOf("", several)).toBe("text");
  expect(problemOf("Look", { ...several, header: "" })).toBe("header");
  expect(problemOf("", products({ catalog: "7 7" }))).toBe("catalog");
  expect(problemOf("Look", products({ products: " " }))).toBe("products");
  expect(problemOf("Look", products({ products: "a, a", header: "Lamps" }))).toBe("products");
});

test("a form is opened by a button", () => {
  const flow = (change: Partial<TappableDraft>) => draft({ kind: "flow", label: "Book", ...change });
  expect(tappableOf(flow({ screen: "FIRST" }))).toEqual({
    flow: { id: "12", label: "Book", screen: "FIRST" },
  });
  expect(problemOf("Book a table.", flow({}))).toBeUndefined();
  expect(problemOf(" ", flow({}))).toBe("text");
  expect(problemOf("Book", flow({ label: " " }))).toBe("label");
  for (const wrong of [{ flow: "1/2" }, { screen: "a b" }])
    expect(problemOf("Book", flow(wrong))).toBe("flow");
});

test("what is written is shown as what will arrive", () => {
  for (const kind of ["choices", "link", "location", "contacts", "products", "flow"] as const) {
    const below = tappableOf(draft({ kind }));
    expect(kindOf(below)).toBe(kind);
    expect(contentOf("Look", below)?.type).toBe(kind);
  }
});
