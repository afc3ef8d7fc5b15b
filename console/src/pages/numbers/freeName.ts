// A name for a new number that no other has.
import type { Schemas } from "@/api/client";

/** The wish, or the wish with the first number that makes it unused. */
export function freeName(wish: string, numbers: Pick<Schemas["Number"], "slug">[]): string {
  const taken = new Set(numbers.map(({ slug }) => slug));
  let name = wish;
  for (let count = 2; taken.has(name); count++) name = `${wish}-${count}`;
  return name;
}
