import { MantineProvider } from "@mantine/core";
import i18n from "i18next";
import { type ReactNode, use } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure } from "@/api/client";
import { begin } from "@/i18n";
import { Async, Loading, useReason } from "./States";

function AsyncView({ error }: { error: unknown }) {
  return useReason()(error);
}

const texts = new Promise(() => {});

function Part() {
  return String(use(texts));
}

const said = (code?: "opted_out") =>
  renderToStaticMarkup(
    <AsyncView
      error={new Failure(409, "The server says it.", { status: 409, title: "Conflict", detail: "", code })}
    />,
  );

beforeAll(begin);

afterAll(() => i18n.changeLanguage("en"));

test("a screen reader hears one word while the eyes see the shape of what comes", () => {
  const shown = (part: ReactNode) => {
    const page = document.createElement("div");
    page.innerHTML = renderToStaticMarkup(<MantineProvider>{part}</MantineProvider>);
    return page;
  };
  const boxes = shown(<Loading shape="boxes" rows={3} />);
  expect(boxes.querySelector("[role=status]")?.textContent).toBe("Loading");
  expect(boxes.querySelectorAll("[aria-hidden=true] .mantine-Paper-root")).toHaveLength(3);
  expect(boxes.querySelectorAll(".mantine-Skeleton-root:not([aria-hidden=true] *)")).toHaveLength(0);
  const facts = shown(<Loading shape="facts" rows={2} />);
  expect(facts.querySelectorAll("[aria-hidden=true] .mantine-Paper-root")).toHaveLength(1);
  expect(facts.querySelectorAll(".mantine-Skeleton-root")).toHaveLength(1 + 2 * 2);
  const own = shown(
    <Loading>
      <em>own</em>
    </Loading>,
  );
  expect(own.querySelector("[aria-hidden=true] em")).not.toBeNull();
});

test("a problem with a code is said in the reader's language, any other in the server's words", async () => {
  expect(said("opted_out")).toBe("The server says it.");
  await i18n.changeLanguage("pt");
  expect(said("opted_out")).toMatch(/^O cliente pediu/u);
  expect(said()).toBe("The server says it.");
  expect(said(JSON.parse('"newer"'))).toBe("The server says it.");
});

test("while a part of loaded data loads its texts, the page around it stays", () => {
  const query = { data: [1], error: null, isPending: false, refetch: () => Promise.reject() };
  const page = renderToStaticMarkup(
    <MantineProvider>
      <h1>Numbers</h1>
      <Async query={query}>{() => <Part />}</Async>
    </MantineProvider>,
  );
  expect(page).toMatch(/<h1>Numbers<\/h1>.*aria-busy="true"/su);
});
