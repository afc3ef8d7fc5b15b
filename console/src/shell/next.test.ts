import { beforeEach, expect, test } from "vitest";
import { keepNext, takeNext } from "./next";

beforeEach(() => localStorage.clear());

test("a link that opens in another tab leads to where one wanted to go", () => {
  keepNext("/inbox?show=waiting");
  expect(takeNext(undefined)).toBe("/inbox?show=waiting");
  expect(takeNext(undefined), "once").toBe("/");
});

test("a tab's own place comes first, and no other site is opened", () => {
  keepNext("/inbox");
  expect(takeNext("/overview")).toBe("/overview");
  for (const bad of [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "javascript:alert(1)",
    "/sign-in?next=/inbox",
    "",
  ]) {
    keepNext(bad);
    expect(takeNext(bad)).toBe("/");
  }
});
