// What a link's state means, and what is shown to the phone.
import { expect, test } from "vitest";
import { codeHalves, isLinked, isPairing, linkLevel, pictureAddress } from "./link";

test("a lost link is an error, one that waits for its phone a warning, and a linked number neither", () => {
  expect(linkLevel({ state: "ready" })).toBeUndefined();
  expect(linkLevel({ state: null })).toBe("info");
  expect(linkLevel({ state: "pairing" })).toBe("warning");
  expect(linkLevel({ state: "connecting" })).toBe("warning");
  expect(linkLevel({ state: "stopped", reason: "not_paired" })).toBe("warning");
  expect(linkLevel({ state: "stopped", reason: "logged_out" })).toBe("error");
  expect(linkLevel({ state: "offline", reason: "unreachable" })).toBe("error");
});

test("a number whose provider links no phones lacks no link", () => {
  expect(isLinked({})).toBe(true);
  expect(isLinked({ connection: null })).toBe(true);
  expect(isLinked({ connection: { state: "ready" } })).toBe(true);
  expect(isLinked({ connection: { state: null } })).toBe(false);
  expect(isLinked({ connection: { state: "pairing" } })).toBe(false);
});

test("the phone is waited for while the link is established, and no longer", () => {
  expect([isPairing({ state: "connecting" }), isPairing({ state: "pairing" })]).toEqual([true, true]);
  expect([isPairing({ state: "ready" }), isPairing({ state: "stopped" })]).toEqual([false, false]);
});

test("a code of eight letters is shown in halves, and another one as it is", () => {
  expect(codeHalves("ABCD1234")).toBe("ABCD-1234");
  expect(codeHalves("ABC-123")).toBe("ABC-123");
});

test("a picture's address holds the whole picture", () => {
  const svg = `<?xml version="1.0"?><svg fill="#000"><path d="M0 0h1"/></svg>`;
  const address = pictureAddress(svg);
  expect(address).toMatch(/^data:image\/svg\+xml;charset=utf-8,[^<>"#]+$/);
  expect(decodeURIComponent(address.slice(address.indexOf(",") + 1))).toBe(svg);
});
