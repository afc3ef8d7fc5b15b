// Collections by the title that people read; the name is what prompt files and folders call them.
import { useMemo } from "react";
import { $api, type Schemas } from "@/api/client";

type CollectionLabel = Pick<Schemas["Collection"], "slug" | "title">;

export function collectionName({ slug, title }: CollectionLabel): string {
  return title || slug;
}

/** Options of a select. Names that belong to no collection stay as they are. */
export function collectionOptions(all: readonly CollectionLabel[], also: readonly string[] = []) {
  const options = all.map((one) => ({ value: one.slug, label: collectionName(one) }));
  const unknown = also.filter((slug) => !all.some((one) => one.slug === slug));
  return [...options, ...unknown.map((slug) => ({ value: slug, label: slug }))];
}

/** Returns a function from a collection's name to its title. A collection that is gone keeps its name. */
export function useCollectionNames() {
  const { data } = $api.useQuery("get", "/api/v1/collections");
  return useMemo(() => {
    const names = new Map(data?.map((one) => [one.slug, collectionName(one)]));
    return (slug: string) => names.get(slug) ?? slug;
  }, [data]);
}
