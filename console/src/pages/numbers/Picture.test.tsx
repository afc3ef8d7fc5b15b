// A drawing marks what the reader looks for, fits its frame, and is mirrored for languages that run the other way.
import { DirectionProvider } from "@mantine/core";
import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test } from "vitest";
import { wordsOf } from "@/api/words";
import { begin } from "@/i18n";
import { sites } from "./guide";
import { Picture } from "./Picture";
import { type Page, pictures } from "./pictures";

beforeAll(async () => {
  await begin();
  await i18n.loadNamespaces("numbers");
});

function drawn(name: keyof typeof pictures, dir: "ltr" | "rtl") {
  const box = document.createElement("div");
  box.innerHTML = renderToStaticMarkup(
    <DirectionProvider initialDirection={dir} detectDirection={false}>
      <Picture name={name} />
    </DirectionProvider>,
  );
  return box;
}

test("every drawing opens an entry of its menu and marks something", () => {
  for (const name of wordsOf(pictures)) {
    const page: Page = pictures[name];
    expect(page.menu, name).toContain(page.open);
    expect(
      page.lines.some(({ marked }) => marked),
      name,
    ).toBe(true);
  }
});

test("from right to left, what was at the left is at the right, within the frame", () => {
  const places = (dir: "ltr" | "rtl") =>
    [...drawn("appSecret", dir).querySelectorAll("rect")].map((rect) => ({
      from: Number(rect.getAttribute("x")),
      to: Number(rect.getAttribute("x")) + Number(rect.getAttribute("width")),
    }));
  const [left, right] = [places("ltr"), places("rtl")];
  expect(right).toEqual(left.map(({ from, to }) => ({ from: 340 - to, to: 340 - from })));
  for (const { from, to } of left) expect(from >= 0 && to <= 340).toBe(true);
  // The provider's words stay English.
  expect(drawn("appSecret", "rtl").querySelector("text")?.getAttribute("direction")).toBe("ltr");
});

test("links lead to Meta's own sites", () => {
  for (const site of wordsOf(sites))
    expect(sites[site]).toMatch(/^https:\/\/(developers|business)\.facebook\.com\//);
});
