// Names of numbers and agents, as customers and the business know them.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, type Schemas } from "@/api/client";
import { useNumbers } from "./conversations";

type Named = Pick<Schemas["Number"], "slug" | "display" | "verified_name">;

/** Each number's name by its slug: what customers see, unless several numbers share it; then the phone. */
export function namesOf(numbers: readonly Named[]): Map<string, string> {
  const shared = (name: string) => numbers.filter(({ verified_name }) => verified_name === name).length > 1;
  return new Map(
    numbers.map(({ slug, display, verified_name }) => [
      slug,
      verified_name && !shared(verified_name) ? verified_name : display || slug,
    ]),
  );
}

/** Returns a function that names a number by its slug. */
export function useNumberName(): (slug: string) => string {
  const numbers = useNumbers();
  return useMemo(() => {
    const names = namesOf(numbers ?? []);
    return (slug) => names.get(slug) ?? slug;
  }, [numbers]);
}

const agents = queryOptions({
  queryKey: ["get", "/api/v1/agents", "names"],
  staleTime: 60_000,
  queryFn: async ({ signal }) => {
    // The reader of prompt files is loaded only where an agent is named.
    const [{ data }, { headerValue }] = await Promise.all([
      api.GET("/api/v1/agents", { signal }),
      import("@/parts/promptFile"),
    ]);
    return new Map(data?.map(({ slug, source }) => [slug, headerValue(source, ["name"])]));
  },
});

/** An agent's name; its slug until the name is known. */
export function useAgentName(slug: string): string {
  const name = useQuery(agents).data?.get(slug);
  return typeof name === "string" && name ? name : slug;
}
