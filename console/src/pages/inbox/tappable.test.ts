import { expect, test } from "vitest";
import { isList, problemOf, type TappableDraft, tappableOf } from "./tappable";

const draft = (change: Partial<TappableDraft> = {}): TappableDraft => ({
  kind: "choices",
  titles: ["Small", " ", "Large "],
  list: "Sizes",
  label: "Menu",
  url: "https://acme.example/menu",
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
