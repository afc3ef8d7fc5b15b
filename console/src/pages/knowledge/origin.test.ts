import { expect, test } from "vitest";
import { originOf } from "./origin";

test("what came with the demo is told apart from the business's own", () => {
  expect(originOf("folder", "demo")).toBe("demo");
  expect(originOf("upload", "demo")).toBe("upload");
  expect(originOf("web", "demo")).toBe("web");
  expect(originOf("folder", "folder")).toBe("folder");
});
