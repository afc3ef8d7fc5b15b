// The query parameters of an address. All are text: the router's own parser would read the phone in
// `?q=447700900021` as a number.

export type Search = Record<string, unknown>;

/** A non-empty string, else undefined. */
export const text = (value: unknown) => (typeof value === "string" && value ? value : undefined);

/** A number, also one that is written as text; else undefined. */
export function number(value: unknown): number | undefined {
  const read = typeof value === "string" && value ? Number(value) : value;
  return typeof read === "number" && Number.isFinite(read) ? read : undefined;
}

/** Reads `?name=value&...`. */
export const parseSearch = (query: string): Search => Object.fromEntries(new URLSearchParams(query));

/** Writes it; what is undefined is left out. */
export function stringifySearch(search: Search): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) if (value !== undefined) query.set(name, String(value));
  const written = query.toString();
  return written && `?${written}`;
}
