import { expect, test } from "vitest";
import { lineCounts, lineDiff, type Piece, wordDiff } from "./differences";

const shown = (pieces: Piece[]) =>
  pieces
    .map(({ text, kind }) => (kind === "same" ? text : kind === "gone" ? `[-${text}-]` : `{+${text}+}`))
    .join("");

test("words that differ are marked, the others are not", () => {
  expect(shown(wordDiff("We open at nine.", "We open at ten."))).toBe("We open at [-nine-]{+ten+}.");
  expect(shown(wordDiff("same", "same"))).toBe("same");
  expect(shown(wordDiff("", "new"))).toBe("{+new+}");
});

test("words that differ one after another are one mark", () => {
  expect(shown(wordDiff("We open at nine sharp.", "We open around ten today."))).toBe(
    "We open [-at nine sharp-]{+around ten today+}.",
  );
});

test("languages without spaces, and from right to left", () => {
  expect(shown(wordDiff("نفتح في التاسعة", "نفتح في العاشرة"))).toBe("نفتح في [-التاسعة-]{+العاشرة+}");
  expect(wordDiff("営業時間は九時です", "営業時間は十時です").some(({ kind }) => kind === "same")).toBe(true);
});

test("lines keep their numbers, and unchanged ones far away are counted", () => {
  const before = ["a", "b", "c", "d", "e", "f", "Say only what is there."].join("\n");
  const after = ["a", "b", "c", "d", "e", "f", "Say only what is known.", "More."].join("\n");
  const rows = lineDiff(before, after, 2);
  expect(rows[0]).toEqual({ kind: "skipped", count: 4 });
  expect(
    rows.slice(3).map((row) => (row.kind === "skipped" ? row : [row.before, row.after, shown(row.pieces)])),
  ).toEqual([
    [7, undefined, "Say only what is [-there-]."],
    [undefined, 7, "Say only what is {+known+}."],
    [undefined, 8, "{+More.+}"],
  ]);
  expect(lineCounts(rows)).toEqual({ gone: 1, added: 2 });
});

test("line ends and a missing last one make no difference", () => {
  expect(lineDiff("a\r\nb\r\n", "a\nb")).toEqual([{ kind: "skipped", count: 2 }]);
  expect(lineCounts(lineDiff("a", "a"))).toEqual({ gone: 0, added: 0 });
});
