import { expect, test } from "vitest";
import { toMarkdown, toWhatsApp } from "./markdown";

test("Markdown's marks become WhatsApp's", () => {
  expect(toWhatsApp("We open at **nine**, *not* at ~~eight~~.")).toBe("We open at *nine*, _not_ at ~eight~.");
  expect(toWhatsApp("## Our **prices**\n\n- one\n* two")).toBe("*Our prices*\n\n• one\n• two");
  expect(toWhatsApp("See [our shop](https://acme.example/_a_).")).toBe(
    "See our shop (https://acme.example/_a_).",
  );
});

test("what is no mark, and code, stays", () => {
  for (const text of ["2 * 3 * 4", "snake_case_name", "`**a**` b", "a ** b ** c", "**", "* "])
    expect(toWhatsApp(text)).toBe(text === "* " ? "• " : text);
});

test("what was sent becomes Markdown that is sent as the same", () => {
  const sent = "We open at *nine*.\n• _not_ ~eight~ `a*b`";
  expect(toMarkdown(sent)).toBe("We open at **nine**.\n• _not_ ~~eight~~ `a*b`");
  expect(toWhatsApp(toMarkdown(sent))).toBe(sent);
});
