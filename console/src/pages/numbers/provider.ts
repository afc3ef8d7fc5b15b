// A provider's description, translated where a text exists. No provider is named in this code.
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";

export type Provider = Schemas["Provider"];
export type Field = Schemas["ProviderField"];
export type Step = Schemas["ProviderStep"];
export type Values = Record<string, string>;

/**
 * Fields whose value the server makes and the reader enters at the provider: the token of a webhook handshake, or a
 * secret that every webhook carries.
 */
export const proposals = ["verify_token", "webhook_secret"] as const;
export type Proposal = (typeof proposals)[number];

export function useProviders() {
  return $api.useQuery("get", "/api/v1/providers", undefined, { staleTime: Number.POSITIVE_INFINITY });
}

/** The field of a provider whose value is made here, if it has one. */
export const proposalOf = ({ steps }: Pick<Provider, "steps">): Proposal | undefined =>
  proposals.find((name) => steps.some(({ shows }) => shows.includes(name)));

/** Whether the provider calls the address to verify it, from the internet. */
export const shakesHands = (provider: Provider) => proposalOf(provider) === "verify_token";

/** Whether its numbers are linked to a phone. The desk then sets their webhook, with its secret, itself. */
export const linksPhones = (provider: Pick<Provider, "steps">) => proposalOf(provider) === "webhook_secret";

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
