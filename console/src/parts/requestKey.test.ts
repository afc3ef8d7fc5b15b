import { expect, test } from "vitest";
import { requestKeys } from "./requestKey";

test("a key belongs to its content until the same is wanted once more", () => {
  const { keyOf, renew } = requestKeys();
  const first = keyOf({ phone: "1" });
  expect(keyOf({ phone: "1" }), "tried again").toBe(first);
  const other = keyOf({ phone: "2" });
  expect(other).not.toBe(first);
  renew();
  expect(keyOf({ phone: "2" })).not.toBe(other);
});
