import { expect, test } from "vitest";
import { hasFolder, originalOf, originOf } from "./origin";

test("what came with the demo is told apart from the business's own", () => {
  expect(originOf("folder", "demo")).toBe("demo");
  expect(originOf("upload", "demo")).toBe("upload");
  expect(originOf("web", "demo")).toBe("web");
  expect(originOf("folder", "folder")).toBe("folder");
});

test("a collection made in the console has no folder", () => {
  expect(hasFolder("console")).toBe(false);
  expect(hasFolder("folder")).toBe(true);
  expect(hasFolder("demo")).toBe(true);
});

test("the original is a file where one is kept, and a page only of the web", () => {
  const file = { file: "/api/v1/documents/doc_1/original" };
  const of = (from: "upload" | "folder" | "web", path = "hours.md") => ({ id: "doc_1", from, path });
  for (const collection of ["console", "folder", "demo"] as const)
    expect(originalOf(of("upload"), collection)).toEqual(file);
  expect(originalOf(of("folder"), "folder")).toEqual(file);
  expect(originalOf(of("folder"), "demo")).toEqual(file);
  expect(originalOf(of("folder"), "console"), "its folder is gone").toEqual({});
  const page = "https://example.com/hours";
  expect(originalOf(of("web", page), "console")).toEqual({ page });
  expect(originalOf(of("web", "javascript:alert(1)"), "console")).toEqual({});
});
