// The unvalidated query parameters of an address.

export type Search = Record<string, unknown>;

/** A non-empty string, else undefined. */
export const text = (value: unknown) => (typeof value === "string" && value ? value : undefined);
