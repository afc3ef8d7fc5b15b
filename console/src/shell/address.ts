// What an address says behind its question mark, as whoever typed it left it.

export type Search = Record<string, unknown>;

/** Text that is not empty. */
export const text = (value: unknown) => (typeof value === "string" && value ? value : undefined);
