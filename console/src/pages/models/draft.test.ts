import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { wordsOf } from "@/api/words";
import { type ModelRole, roleWords } from "@/parts/modelRole";
import { body, chosenOf, fieldsOf, isComplete, keepsKey, opened, providers, startOf } from "./draft";

const chosen = {
  provider: "compatible",
  base_url: "https://models.example/v1",
  model: "mine",
  has_key: true,
  problem: null,
} as const;

const part = (role: ModelRole, more: object = {}): Schemas["ModelPart"] => ({
  task: "speech",
  role,
  origin: "off",
  ...more,
});

const settings = (
  parts: Schemas["ModelPart"][],
  more: Partial<Schemas["ModelSettings"]> = {},
): Schemas["ModelSettings"] => ({
  answering: { is_model: false, kind: "extractive", name: "", origin: "configured", asked: [] },
  agents: [],
  unpriced: false,
  parts,
  folder: "models",
  local: [],
  ...more,
});

test("a form without a chosen model is of the task's first provider, and one address is not sent", () => {
  expect(opened("chat")).toEqual({ provider: "openai", address: "", key: "", model: "" });
  expect(opened("reranking").provider).toBe("cohere");
  const draft = { ...opened("chat"), address: "https://evil.example", key: " sk-1 ", model: " m " };
  expect(body(draft)).toEqual({ provider: "openai", base_url: "", model: "m", key: "sk-1" });
  expect(body({ ...draft, provider: "cohere" })).toHaveProperty("base_url", "");
});

test("each task has its providers", () => {
  expect(wordsOf(roleWords).map((role) => [role, providers[role].join(" ")])).toEqual([
    ["chat", "openai azure compatible ollama"],
    ["embeddings", "openai azure compatible ollama local off"],
    ["speech", "openai azure compatible local off"],
    ["reranking", "cohere compatible tei local off"],
  ]);
});

test("a provider is asked with what it takes, and nothing else is sent", () => {
  const draft = { address: "https://models.example", key: "", model: "mine" };
  expect(body({ ...draft, provider: "tei" })).toMatchObject({ base_url: draft.address, model: "" });
  expect(body({ ...draft, provider: "local" })).toMatchObject({ base_url: "", model: "mine" });
  expect(body({ ...draft, provider: "off" })).toMatchObject({ base_url: "", model: "" });
  const needing = wordsOf({
    openai: 1,
    azure: 1,
    compatible: 1,
    ollama: 1,
    cohere: 1,
    tei: 1,
    local: 1,
    off: 1,
  });
  expect(needing.filter((one) => fieldsOf(one).key === "required")).toEqual(["openai", "azure", "cohere"]);
  expect(fieldsOf(JSON.parse('"newer"')), "of a newer server").toEqual({});
});

test("a model is named, unless its server has one", () => {
  const unnamed = { address: "", key: "", model: " " };
  expect(isComplete("chat", { ...unnamed, provider: "compatible" })).toBe(false);
  expect(isComplete("reranking", { ...unnamed, provider: "compatible" })).toBe(true);
  expect(isComplete("reranking", { ...unnamed, provider: "cohere" })).toBe(false);
  expect(isComplete("reranking", { ...unnamed, provider: "tei" })).toBe(true);
  expect(isComplete("speech", { ...unnamed, provider: "local" })).toBe(false);
  expect(isComplete("speech", { ...unnamed, provider: "local", model: "whisper-small" })).toBe(true);
  expect(isComplete("speech", { ...unnamed, provider: "off" })).toBe(true);
});

test("the stored key is used at its own address alone", () => {
  const draft = opened("chat", chosen);
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
  const cohere = { ...chosen, provider: "cohere", base_url: "https://api.cohere.com/v2" } as const;
  expect(keepsKey(opened("reranking", cohere), cohere), "its one address is not written").toBe(true);
});

test("what was chosen is of the task and of the agent that were named", () => {
  const own = { ...chosen, model: "own" };
  const now = settings([part("speech", { chosen })], {
    chosen: { ...chosen, model: "answers" },
    agents: [
      {
        slug: "shop",
        name: "Shop",
        model: null,
        choices: [{ role: "speech", is_overruled: false, chosen: own }],
      },
    ],
  });
  expect(chosenOf({ role: "chat" }, now)?.model).toBe("answers");
  expect(chosenOf({ role: "speech" }, now)?.model).toBe("mine");
  expect(chosenOf({ role: "reranking" }, now)).toBeUndefined();
  expect(chosenOf({ role: "speech", agent: "shop" }, now)?.model).toBe("own");
  expect(chosenOf({ role: "chat", agent: "shop" }, now)).toBeUndefined();
});

test("a saved model is used at once, once all is prepared, or not at all", () => {
  const pending = { name: "mine", done: 1, total: 3 };
  const start = (role: "embeddings" | "speech", more: object) =>
    startOf({ role }, settings([part(role, more)]));
  expect(start("speech", { chosen })).toBe("now");
  expect(start("embeddings", { chosen })).toBe("now");
  expect(start("embeddings", { chosen, pending })).toBe("prepared");
  expect(start("speech", { chosen: { ...chosen, provider: "off" } })).toBe("off");
  expect(start("speech", { chosen: { ...chosen, problem: "its key is damaged" } })).toBeUndefined();
  const both = settings([part("embeddings", { chosen, pending }), part("speech", { chosen })]);
  expect(startOf({ role: "speech" }, both), "only embeddings wait").toBe("now");
});
