import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test } from "vitest";
import { queries } from "@/api/queries";
import { begin } from "@/i18n";
import { SettingChanges } from "./SettingChanges";

beforeAll(async () => {
  await begin();
  await i18n.loadNamespaces("sandbox");
  queries.setQueryData(["get", "/api/v1/collections"], [{ slug: "lamps", title: "Lamps & shades" }]);
});

const file = (header: string) => `---\n${header}\n---\nYou are a clerk.\n`;

function said(before: string, after: string) {
  const box = document.createElement("div");
  box.innerHTML = renderToStaticMarkup(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <SettingChanges before={file(before)} after={file(after)} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return [...box.querySelectorAll("li")].map((item) => item.textContent);
}

test("collections are called by their titles", () => {
  expect(said("knowledge: [gone]", "knowledge: [lamps]")).toEqual([
    "Knowledge: added “\u2068Lamps & shades\u2069”; removed “\u2068gone\u2069”",
  ]);
});

test("another order is said", () => {
  expect(said("languages: [en, es]", "languages: [es, en]")).toEqual([
    "Languages: another order: “\u2068es\u2069” and “\u2068en\u2069”",
  ]);
});
