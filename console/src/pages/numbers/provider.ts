// A provider's description, translated where a text exists. No provider is named in this code.
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";

export type Provider = Schemas["Provider"];
export type Field = Schemas["ProviderField"];
export type Step = Schemas["ProviderStep"];
export type Values = Record<string, string>;

/** The field that the provider sends in its webhook handshake. The server creates it. */
export const token = "verify_token";

export function useProviders() {
  return $api.useQuery("get", "/api/v1/providers", undefined, { staleTime: Number.POSITIVE_INFINITY });
}

/** Whether the provider calls the address to verify it. */
export const shakesHands = (provider: Provider) => provider.steps.some(({ shows }) => shows.includes(token));

/** Whether the provider has message templates: they belong to an account, whose id is one of its fields. */
export const hasTemplates = (provider: Provider) => provider.fields.some(({ name }) => name === "account_id");

/** The steps before the form, and those at the callback. */
export function parted({ steps }: Provider): { before: Step[]; after: Step[] } {
  const at = steps.findIndex(({ shows }) => shows.length > 0);
  const cut = at < 0 ? steps.length : at;
  return { before: steps.slice(0, cut), after: steps.slice(cut) };
}

/** What a provider is called in a sentence: the company that its title names in brackets, else the title. */
export const brandOf = (title: string) => /\(([^()]+)\)$/.exec(title)?.[1] ?? title;

/** The text `providers.<name>.<path>`, else the server's. */
export function useWords(provider: { name: string }) {
  const { i18n } = useTranslation("numbers");
  const word = (path: string, said: string) => {
    const ours: unknown = i18n.getResource(i18n.language, "numbers", `providers.${provider.name}.${path}`);
    // In English the server's texts are used: they are newer than any copy.
    return i18n.language !== "en" && typeof ours === "string" ? ours : said;
  };
  return {
    word,
    brand: ({ title }: Pick<Provider, "title">) => brandOf(word("title", title)),
    label: (field: Field) => word(`${field.name}.label`, field.label),
    help: (field: Field) => word(`${field.name}.help`, field.help),
  };
}
