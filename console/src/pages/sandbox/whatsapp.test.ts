import { expect, test } from "vitest";
import { runs } from "./whatsapp";

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
