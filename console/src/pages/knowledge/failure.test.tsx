import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { begin } from "@/i18n";
import { usePageReason } from "./failure";

type Code = Schemas["PageReason"];

function ReasonText({ code }: { code?: Code | null }) {
  return usePageReason()("The server says it.", code);
}

const said = (code?: Code | null) => renderToStaticMarkup(<ReasonText code={code} />);

beforeAll(async () => {
  await begin();
  await i18n.loadNamespaces("knowledge");
  await i18n.changeLanguage("es");
});

afterAll(() => i18n.changeLanguage("en"));

test("why a page was not read is said in the reader's language with its values", () => {
  expect(said({ kind: "status", status: 503 })).toBe("Su servidor responde 503");
  expect(said({ kind: "too_slow", seconds: 0.5 })).toContain("0,5 segundos");
  expect(said({ kind: "too_slow", seconds: 1 })).toContain("1 segundo");
  expect(said({ kind: "too_large", kilobytes: 10_240 })).toContain("10.240 KB");
  expect(said({ kind: "too_large", kilobytes: 4096 })).toContain("[knowledge.web] max_page_bytes");
  expect(said({ kind: "elsewhere", site: "http://other.example" })).toContain("http://other.example");
  expect(said({ kind: "forbidden", path: "/private" })).toContain("/private");
  expect(said({ kind: "format", format: "video/mp4" })).toContain("video/mp4");
  expect(said({ kind: "circle" })).toContain("en círculo");
  expect(said({ kind: "gone" })).toBe("No existe esa página");
  expect(said({ kind: "private" })).toBe("No se pueden añadir direcciones privadas");
  expect(said({ kind: "unlearned", code: "empty" })).toBe(i18n.t("knowledge:code.empty"));
});

test("an English reader keeps the server's words, which say more", async () => {
  await i18n.changeLanguage("en");
  expect(said({ kind: "status", status: 503 })).toBe("The server says it.");
  expect(said({ kind: "unlearned", code: "empty" })).toBe("The server says it.");
  await i18n.changeLanguage("es");
});

test("a reason without a code stays in the server's words", () => {
  for (const code of [undefined, null]) expect(said(code)).toBe("The server says it.");
  expect(said(JSON.parse('{"kind":"newer"}'))).toBe("The server says it.");
  expect(said(JSON.parse('{"kind":"unlearned","code":"newer"}'))).toBe("The server says it.");
});
