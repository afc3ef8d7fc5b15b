import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure } from "@/api/client";
import { begin } from "@/i18n";
import { useReason } from "./States";

function Said({ error }: { error: unknown }) {
  return useReason()(error);
}

const said = (code?: "opted_out") =>
  renderToStaticMarkup(
    <Said
      error={new Failure(409, "The server says it.", { status: 409, title: "Conflict", detail: "", code })}
    />,
  );

beforeAll(begin);

afterAll(() => i18n.changeLanguage("en"));

test("a problem with a code is said in the reader's language, any other in the server's words", async () => {
  expect(said("opted_out")).toBe("The server says it.");
  await i18n.changeLanguage("pt");
  expect(said("opted_out")).toMatch(/^O cliente pediu/u);
  expect(said()).toBe("The server says it.");
  expect(said(JSON.parse('"newer"'))).toBe("The server says it.");
});
