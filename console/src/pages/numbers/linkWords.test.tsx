// Why a number is not linked is said in the reader's language, or else in the server's words.
import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { begin } from "@/i18n";
import { useLinkWords } from "./linkWords";

type LinkText = Parameters<ReturnType<typeof useLinkWords>>[0];

function LinkProbe({ one }: { one: LinkText }) {
  const { why, todo } = useLinkWords()(one);
  return `${why}. ${todo}`;
}

const said = (one: LinkText) => renderToStaticMarkup(<LinkProbe one={one} />);

beforeAll(async () => {
  await begin();
  await i18n.loadNamespaces("numbers");
  await i18n.changeLanguage("es");
});

afterAll(() => i18n.changeLanguage("en"));

test("a reason is said in the reader's language, with what to do", () => {
  const server = { why: "nobody scanned it", todo: "Scan it." };
  expect(said({ reason: "not_scanned", ...server })).toMatch(/^Nadie escaneó .*\. Conéctelo/u);
  expect(said({ ...JSON.parse('{"reason":"newer"}'), ...server })).toBe("nobody scanned it. Scan it.");
  expect(said({})).toBe(". ");
});
