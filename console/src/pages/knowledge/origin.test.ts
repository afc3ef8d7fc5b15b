import { expect, test } from "vitest";
import { hasFolder, originOf } from "./origin";

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
