// The numbers that can write first: those that send, and whose provider has message templates.
import { useMemo } from "react";
import { $api } from "@/api/client";
import { sends } from "@/parts/numberState";
import { namesOf } from "../inbox/names";
import { hasTemplates, useProviders } from "./provider";

/** The numbers as choices, or why they are not known. */
export function useTemplateNumbers() {
  const numbers = $api.useQuery("get", "/api/v1/numbers");
  const providers = useProviders();
  const data = useMemo(() => {
    if (!numbers.data || !providers.data) return undefined;
    const names = namesOf(numbers.data);
    const able = new Set<string>(providers.data.filter(hasTemplates).map(({ name }) => name));
    return numbers.data
      .filter((number) => sends(number) && able.has(number.provider))
      .map(({ id, slug }) => ({ value: id, label: names.get(slug) ?? slug }));
  }, [numbers.data, providers.data]);
  const wrong = numbers.error ? numbers : providers;
  return { data, error: wrong.error, isPending: data === undefined, refetch: wrong.refetch };
}
