// Names of numbers, as customers and the business know them.
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { useNumbers } from "./conversations";

type NumberLabel = Pick<Schemas["Number"], "slug" | "display" | "verified_name">;

/** Each number's name by its slug: what customers see, unless several numbers share it; then the phone. */
export function namesOf(numbers: readonly NumberLabel[]): Map<string, string> {
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
