import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { begin } from "@/i18n";
import { useStopReason } from "./numberState";

type StateFields = Pick<Schemas["Number"], "state" | "state_code" | "state_reason">;

function ReasonText({ one }: { one: StateFields }) {
  return useStopReason()(one);
}

const said = (state_code: StateFields["state_code"], state: StateFields["state"] = "stopped") =>
  renderToStaticMarkup(<ReasonText one={{ state, state_code, state_reason: "The server says it." }} />);

beforeAll(async () => {
  await begin();
  await i18n.changeLanguage("es");
});

afterAll(() => i18n.changeLanguage("en"));

test("why a number is stopped is said in the reader's language with its values", () => {
  expect(said({ kind: "token_refused", problem: "190" })).toMatch(/^WhatsApp rechaza .*: 190$/u);
  expect(said({ kind: "same_number", slug: "main" })).toContain("[numbers.main] del archivo");
  expect(said({ kind: "same_name", slug: "desk" })).toContain("[numbers.desk] del archivo");
});

test("a reason without a code stays in the server's words, and a number that sends has none", () => {
  expect(said(null)).toBe("The server says it.");
  expect(said(JSON.parse('{"kind":"newer"}'))).toBe("The server says it.");
  expect(said(null, "at_risk")).toBe("");
});
