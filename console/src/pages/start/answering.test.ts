import { expect, test } from "vitest";
import { aboutModel, isLooking } from "./answering";

const none = { kind: "extractive", name: "extractive", is_model: false, url: null, asked: [] } as const;
const found = {
  kind: "openai",
  name: "llama3.1:8b",
  is_model: true,
  url: "http://127.0.0.1:11434/v1",
} as const;

test("the text says where a model is that was found, and what was asked for one", () => {
  const asked = ["127.0.0.1:11434", "127.0.0.1:1234"];
  const machine = { ...found, asked, origin: "machine" } as const;
  expect(aboutModel(machine)).toEqual({
    key: "on.modelMachine",
    values: { name: found.name, url: found.url, asked: asked.join(", ") },
  });
  expect(aboutModel({ ...machine, origin: "environment" }).key).toBe("on.modelEnvironment");
  expect(aboutModel({ ...machine, asked: [], origin: "console" }).key).toBe("on.modelConsole");
  expect(aboutModel({ ...none, asked: [], origin: "console" }).key).toBe("on.modelBroken");
  expect(aboutModel({ ...none, asked, origin: "not_found" }).key).toBe("on.modelNotFound");
  expect(aboutModel({ ...none, url: found.url, asked, origin: "gone" }).key).toBe("on.modelGone");
});

test("a configured model is named as before, and so is a desk that may ask nobody", () => {
  expect(aboutModel({ ...found, url: null, asked: [], origin: "configured" }).key).toBe("on.modelOn");
  expect(aboutModel({ ...none, asked: [], origin: "configured" }).key).toBe("on.modelOff");
  expect(aboutModel({ ...none, asked: [], origin: "not_found" }).key).toBe("on.modelOff");
});

test("the page follows while a model is looked for", () => {
  const origins = ["configured", "console", "environment", "machine", "not_found", "gone"] as const;
  const looking = origins.filter((origin) => isLooking({ ...none, asked: [], origin }));
  expect(looking).toEqual(["not_found", "gone"]);
});
