// What a provider says of itself, in the reader's language where there are words for it. No provider is known here by name.
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";

export type Provider = Schemas["Provider"];
export type Field = Schemas["ProviderField"];
export type Step = Schemas["ProviderStep"];
export type Values = Record<string, string>;

/** What the provider shows in its handshake: made by the server, not typed. */
export const token = "verify_token";

export function useProviders() {
  return $api.useQuery("get", "/api/v1/providers", undefined, { staleTime: Number.POSITIVE_INFINITY });
}

/** Whether the provider calls the address to see that it is ours. */
export const shakesHands = (provider: Provider) => provider.steps.some(({ shows }) => shows.includes(token));

/** What is to be done before the form is filled in, and with the callback. */
export function parted({ steps }: Provider): { before: Step[]; after: Step[] } {
  const at = steps.findIndex(({ shows }) => shows.length > 0);
  const cut = at < 0 ? steps.length : at;
  return { before: steps.slice(0, cut), after: steps.slice(cut) };
}

/** `providers.<name>.<path>` of the texts, else what the server says. */
export function useWords(provider: { name: string }) {
  const { i18n } = useTranslation("numbers");
  const word = (path: string, said: string) => {
    const ours: unknown = i18n.getResource(i18n.language, "numbers", `providers.${provider.name}.${path}`);
    // The server speaks English best: its texts are newer than any that were translated.
    return i18n.language !== "en" && typeof ours === "string" ? ours : said;
  };
  return {
    word,
    label: (field: Field) => word(`${field.name}.label`, field.label),
    help: (field: Field) => word(`${field.name}.help`, field.help),
  };
}
