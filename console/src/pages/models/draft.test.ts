import { expect, test } from "vitest";
import { body, keepsKey, opened } from "./draft";

const chosen = {
  provider: "compatible",
  base_url: "https://models.example/v1",
  model: "mine",
  has_key: true,
  problem: null,
} as const;

test("a form without a chosen model is of OpenAI, which needs no address", () => {
  expect(opened()).toEqual({ provider: "openai", address: "", key: "", model: "" });
  expect(body({ ...opened(), address: "https://evil.example", key: " sk-1 ", model: " m " })).toEqual({
    provider: "openai",
    base_url: "",
    model: "m",
    key: "sk-1",
  });
});

test("the stored key is used at its own address alone", () => {
  const draft = opened(chosen);
  expect(keepsKey(draft, chosen)).toBe(true);
  expect(body(draft, chosen)).not.toHaveProperty("key");
  const elsewhere = { ...draft, address: "https://evil.example/v1" };
  expect(keepsKey(elsewhere, chosen)).toBe(false);
  expect(body(elsewhere, chosen)).toHaveProperty("key", "");
  expect(body({ ...draft, address: `${draft.address}/` }, chosen), "another spelling").not.toHaveProperty(
    "key",
  );
  expect(body({ ...draft, provider: "ollama" }, chosen)).toHaveProperty("key", "");
  expect(body({ ...draft, key: "sk-2" }, chosen)).toHaveProperty("key", "sk-2");
  expect(keepsKey(draft, { ...chosen, has_key: false })).toBe(false);
});
