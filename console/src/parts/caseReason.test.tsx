import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { begin } from "@/i18n";
import { useCaseReason } from "./caseReason";

type CaseReasonFields = Pick<Schemas["OpenCase"], "reason" | "reason_code">;

function ReasonText(one: CaseReasonFields) {
  return useCaseReason()(one);
}

const said = (reason_code: CaseReasonFields["reason_code"]) =>
  renderToStaticMarkup(<ReasonText reason="the server's words" reason_code={reason_code} />);

beforeAll(async () => {
  await begin();
  await i18n.changeLanguage("es");
});

afterAll(() => i18n.changeLanguage("en"));

test("a reason is said in the reader's language with its values", () => {
  expect(said({ kind: "keyword", keyword: "persona" })).toBe("El cliente dijo «persona»");
  expect(said({ kind: "pattern", pattern: "\\d+" })).toContain("\\d+");
  expect(said({ kind: "model", unanswered: true })).toContain("no responden");
  expect(said({ kind: "model", unanswered: false })).toBe("El bot llamó a una persona");
  expect(said({ kind: "floods", texts: 12 })).toMatch(/^Llegaron 12 mensajes/u);
  expect(said({ kind: "answers_at_once", times: 4 })).toContain("4 veces seguidas");
  expect(said({ kind: "unsent", problem: "closed", code: "window_closed" })).toContain("24 horas");
  expect(said({ kind: "unsent", problem: "Message undeliverable" })).toContain("Message undeliverable");
  expect(said({ kind: "undelivered", problem: "Gone" })).toBe(
    "WhatsApp no pudo entregar nuestro mensaje: Gone",
  );
});

const plain = ["person_offer", "budget", "failure", "stale", "bot_paused", "orphaned", "unknown"] as const;
const spoken: CaseReasonFields["reason_code"][] = [
  ...plain.map((kind) => ({ kind })),
  { kind: "prompt", problem: "p" },
  { kind: "repeats", times: 5 },
];

test.each(spoken.map((code) => [code?.kind, code]))("%s has a text", (_, code) => {
  expect(said(JSON.parse(JSON.stringify(code)))).not.toMatch(/reason\.|the server/u);
});

test("a reason of another version stays in the server's words", () => {
  expect(said(null)).toBe("the server&#x27;s words");
  expect(said(JSON.parse('{"kind":"newer"}'))).toBe("the server&#x27;s words");
});
