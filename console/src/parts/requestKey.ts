// Keys of requests that must not be done twice: the same for the same content, so that trying again is safe.
import { useMemo } from "react";

/** Gives the key of a content: a new one where the content is new, or after `renew`: the same is wanted once more. */
export function requestKeys() {
  let last = { content: "", key: "" };
  return {
    keyOf(body: object): string {
      const content = JSON.stringify(body);
      if (last.content !== content) last = { content, key: crypto.randomUUID() };
      return last.key;
    },
    renew() {
      last = { content: "", key: "" };
    },
  };
}

export const useRequestKeys = () => useMemo(requestKeys, []);
