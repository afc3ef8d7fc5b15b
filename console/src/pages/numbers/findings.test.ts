// What is fine is no warning, and what stops a number stands before what only needs attention.
import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { byLevel, isBlocked, isOfLink, meaningOf, qualityOf } from "./findings";

const warning = (code: Schemas["AlertCode"] | null): Schemas["NumberWarning"] => ({
  code,
  text: "It happened.",
  detail: "",
  created_at: 1,
});

test("errors come first, then warnings, then what is good to know", () => {
  const all = byLevel([warning("call_missed"), warning("quality_low"), warning("account_banned")]);
  expect(all.map(({ level }) => level)).toEqual(["error", "warning", "info"]);
  expect(byLevel([warning("quality_low")]).map(({ level }) => level)).toEqual(["warning"]);
  expect(byLevel([])).toEqual([]);
});

test("a number is blocked by what stops it, not by what only needs attention", () => {
  expect(isBlocked({ warnings: [warning("quality_low"), warning("account_restricted")] })).toBe(false);
  expect(isBlocked({ warnings: [warning("quality_low"), warning("account_disconnected")] })).toBe(true);
});

test("a lost link is told apart from what else is wrong", () => {
  expect([isOfLink(warning("number_disconnected")), isOfLink(warning("server_unreachable"))]).toEqual([
    true,
    true,
  ]);
  expect([isOfLink(warning("account_banned")), isOfLink(warning(null))]).toEqual([false, false]);
  expect(isBlocked({ warnings: [warning("server_unreachable")] })).toBe(true);
});

test("a code that this page does not know is a warning without an effect", () => {
  expect(meaningOf(warning(null))).toEqual({ level: "warning" });
  expect(meaningOf(JSON.parse('{"code":"newer"}'))).toEqual({ level: "warning" });
});

test("the provider's rating is read, and an unknown one stays in its words", () => {
  const of = (rating: string) => qualityOf(`Harbour, quality books (+1 555-078-3881), quality ${rating}`);
  expect(of("GREEN")?.quality).toBe("good");
  expect(of("YELLOW")?.quality).toBe("medium");
  expect(of("RED")?.quality).toBe("low");
  expect(of("not rated")?.quality).toBe("unrated");
  expect(of("BLUE")).toEqual({ word: "BLUE", quality: "other" });
  expect(qualityOf("A practice number")).toBeUndefined();
  expect(qualityOf(null)).toBeUndefined();
});
