// What the form of a model asks for and sends: never a stored key to another address.
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import type { ModelRole } from "@/parts/modelRole";

/** What a change of a model makes out of date. */
export const ofModel = ["/api/v1/settings/models", "/api/v1/status", "/api/v1/models"];

type Settings = Schemas["ModelSettings"];
type ChosenModel = Schemas["ChosenModel"];
export type Provider = Schemas["ModelProvider"];

/** What a model is chosen for; without an agent, for the workspace. */
export type Scope = { role: ModelRole; agent?: string };

export type Draft = { provider: Provider; address: string; key: string; model: string };

/** Who can do each task. The first one is offered first. */
export const providers: Record<ModelRole, readonly [Provider, ...Provider[]]> = {
  chat: ["openai", "azure", "compatible", "ollama"],
  embeddings: ["openai", "azure", "compatible", "ollama", "local", "off"],
  speech: ["openai", "azure", "compatible", "local", "off"],
  reranking: ["cohere", "compatible", "tei", "local", "off"],
};

type Fields = {
  /** Others have one address, or none. */
  address?: true;
  /** Of endpoints. */
  key?: "required" | "optional";
  /** Others have one model, or none. */
  model?: true;
};

const fields: Record<Provider, Fields> = {
  openai: { key: "required", model: true },
  azure: { address: true, key: "required", model: true },
  compatible: { address: true, key: "optional", model: true },
  ollama: { address: true, key: "optional", model: true },
  cohere: { key: "required", model: true },
  tei: { address: true, key: "optional" },
  local: { model: true },
  off: {},
};

/** What a provider is asked with. */
export const fieldsOf = (provider: Provider): Fields => known(fields, provider, {});

/** The model that somebody chose. */
export function chosenOf({ role, agent }: Scope, settings: Settings): ChosenModel | undefined {
  if (agent !== undefined) {
    const choices = settings.agents.find(({ slug }) => slug === agent)?.choices;
    return choices?.find((choice) => choice.role === role)?.chosen;
  }
  const part = settings.parts.find((one) => one.role === role);
  return (role === "chat" ? settings.chosen : part?.chosen) ?? undefined;
}

/** The form as it opens: with the chosen model, if there is one. */
export function opened(role: ModelRole, chosen?: ChosenModel): Draft {
  const provider = chosen?.provider ?? providers[role][0];
  return {
    provider,
    address: fieldsOf(provider).address ? (chosen?.base_url ?? "") : "",
    key: "",
    model: chosen?.model ?? "",
  };
}

/** Whether it names what its provider needs to know; addresses and keys are the server's to judge. */
export function isComplete(role: ModelRole, { provider, model }: Draft): boolean {
  const isOptional = role === "reranking" && provider === "compatible";
  return isOptional || !fieldsOf(provider).model || model.trim() !== "";
}

/** An address in one spelling: the host in lower case, no slash at the end. */
function spelt(address: string): string {
  const written = address.trim();
  return (URL.canParse(written) ? new URL(written).href : written).replace(/\/+$/, "");
}

/** Whether the stored key belongs to what the form names. */
export function keepsKey({ provider, address }: Draft, chosen?: ChosenModel): boolean {
  if (!chosen?.has_key || chosen.provider !== provider) return false;
  return !fieldsOf(provider).address || spelt(chosen.base_url) === spelt(address);
}

/** The request's body. Without a key the server uses the stored one; an empty one is none. */
export function body(draft: Draft, chosen?: ChosenModel): Schemas["ModelDraft"] {
  const { provider, address, key, model } = draft;
  const asked = fieldsOf(provider);
  return {
    provider,
    base_url: asked.address ? address.trim() : "",
    model: asked.model ? model.trim() : "",
    ...(key.trim() === "" && keepsKey(draft, chosen) ? {} : { key: key.trim() }),
  };
}

/** When a saved model is used first; undefined if it cannot be used, which is said where it is shown. */
export function startOf(scope: Scope, settings: Settings): "now" | "prepared" | "off" | undefined {
  const chosen = chosenOf(scope, settings);
  if (!chosen || chosen.problem) return undefined;
  if (chosen.provider === "off") return "off";
  return settings.parts.some(({ role, pending }) => role === scope.role && pending) ? "prepared" : "now";
}
