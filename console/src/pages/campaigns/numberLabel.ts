// Names of numbers by their id.
import { $api } from "@/api/client";
import { namesOf } from "../inbox/names";

/** Returns a function that names a number. */
export function useNumberLabel(): (id: string) => string {
  const { data: numbers = [] } = $api.useQuery("get", "/api/v1/numbers");
  const names = namesOf(numbers);
  return (id) => {
    const slug = numbers.find((number) => number.id === id)?.slug;
    return slug ? (names.get(slug) ?? slug) : id;
  };
}
