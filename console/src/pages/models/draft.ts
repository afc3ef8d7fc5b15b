// What the form of a model sends: never a stored key to another address.
import type { Schemas } from "@/api/client";

/** What a change of the model makes out of date. */
export const ofModel = ["/api/v1/settings/models", "/api/v1/status", "/api/v1/models"];

export type Provider = Schemas["ModelProvider"];

export type Draft = { provider: Provider; address: string; key: string; model: string };

/** The form as it opens: with the chosen model, if there is one. */
export function opened(chosen?: Schemas["ChosenModel"]): Draft {
  return {
    provider: chosen?.provider ?? "openai",
    address: chosen && chosen.provider !== "openai" ? chosen.base_url : "",
    key: "",
    model: chosen?.model ?? "",
  };
}

/** An address in one spelling: the host in lower case, no slash at the end. */
function spelt(address: string): string {
  const written = address.trim();
  return (URL.canParse(written) ? new URL(written).href : written).replace(/\/+$/, "");
}

/** Whether the stored key belongs to what the form names. */
export function keepsKey({ provider, address }: Draft, chosen?: Schemas["ChosenModel"]): boolean {
  if (!chosen?.has_key || chosen.provider !== provider) return false;
  return provider === "openai" || spelt(chosen.base_url) === spelt(address);
}

/** The request's body. Without a key the server uses the stored one; an empty one is none. */
export function body(draft: Draft, chosen?: Schemas["ChosenModel"]): Schemas["ModelDraft"] {
  const { provider, address, key, model } = draft;
  return {
    provider,
    base_url: provider === "openai" ? "" : address.trim(),
    model: model.trim(),
    ...(key.trim() === "" && keepsKey(draft, chosen) ? {} : { key: key.trim() }),
  };
}
