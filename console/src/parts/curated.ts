// Curated answers as other pages find them: by the agent that gives them.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { $api, api, Failure, type Schemas } from "@/api/client";

/** An answer, and the collection that it is in. */
export type CollectionAnswer = { collection: string; answer: Schemas["CuratedAnswer"] };

/** All collections, and those among them that an agent answers from. */
export function useCollectionsOf(agent: string | undefined) {
  const { data } = $api.useQuery("get", "/api/v1/collections");
  if (!data) return undefined;
  const all = data.map(({ slug }) => slug);
  const own = data.filter(({ agents }) => agent && agents.includes(agent)).map(({ slug }) => slug);
  return { own, all: [...new Set([...own, ...all])] };
}

async function read(name: string, id: string, signal: AbortSignal): Promise<CollectionAnswer | undefined> {
  const params = { path: { name, id } };
  try {
    const { data } = await api.GET("/api/v1/collections/{name}/answers/{id}", { params, signal });
    return data && { collection: name, answer: data };
  } catch (error) {
    if (error instanceof Failure && error.status === 404) return undefined;
    throw error;
  }
}

const placedQuery = (id: string, collections: readonly string[]) =>
  queryOptions({
    queryKey: ["get", "/api/v1/collections/{name}/answers/{id}", id, collections],
    queryFn: async ({ signal }) => {
      for (const name of collections) {
        const found = await read(name, id, signal);
        if (found) return found;
      }
      return null;
    },
  });

/** The curated answer of this id in the first of the collections that has it; `null` if none has. */
export function usePlacedAnswer(id: string | null | undefined, collections: readonly string[] | undefined) {
  return useQuery({ ...placedQuery(id ?? "", collections ?? []), enabled: !!id && !!collections });
}
