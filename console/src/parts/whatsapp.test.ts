import { expect, test } from "vitest";
import { plain, runs, withoutSources } from "./whatsapp";

const shown = (text: string) =>
  runs(text)
    .map(({ text, look }) => (look ? `<${look}:${text}>` : text))
    .join("");

test("marks at the edges of words are looks", () => {
  expect(shown("We open at *nine* today.\n\n📄 _Opening hours_")).toBe(
    "We open at <bold:nine> today.\n\n📄 <italic:Opening hours>",
  );
  expect(shown("~old~ ```a*b*c``` `x_y`")).toBe("<struck:old> <code:a*b*c> <code:x_y>");
});

test("marks within words, alone, or over lines are text", () => {
  for (const text of ["snake_case_name", "2 * 3 * 4", "* a point", "*one\ntwo*", "5*"])
    expect(shown(text)).toBe(text);
});

test("an address keeps its marks, and can stand between marks", () => {
  expect(shown("See https://acme.example/_new_/a*b* now")).toBe("See https://acme.example/_new_/a*b* now");
  expect(shown("*https://acme.example/a_b*")).toBe("<bold:https://acme.example/a_b>");
});

test("a preview has no marks", () => {
  expect(plain("We open at *nine*.\n\n_Opening hours_")).toBe("We open at nine.\n\nOpening hours");
});

test("the line of sources is left out, and nothing else", () => {
  expect(withoutSources("We open at 9.\n\n📄 _Opening hours · Prices (p. 2)_")).toBe("We open at 9.");
  expect(withoutSources("📄 _A_")).toBe("");
  for (const text of ["We open at 9.", "📄 _Menu_\nis what we call it", "See 📄 _Menu_", "📄 _Menu", ""])
    expect(withoutSources(text)).toBe(text);
});

// Quadratic work here takes minutes, which vitest does not wait for.
test("a text of many stars is read at once", () => {
  expect(plain("*a ".repeat(100_000))).toHaveLength(300_000);
});
