import { expect, test } from "vitest";
import { expectedOf, isUnfilled, kindOf, kinds, newCheck } from "./checks";

test("a new check is one of its kind, and lacks its value where there is a field for one", () => {
  for (const kind of kinds) expect(kindOf(newCheck(kind))).toBe(kind);
  expect(kinds.filter((kind) => !isUnfilled(newCheck(kind)))).toEqual(["answered", "handed-off"]);
  expect(newCheck("rouge-n")).toEqual({ type: "rouge-n", value: "", threshold: 0.5 });
  expect(newCheck("answered")).toEqual({ type: "answered" });
});

test("a check that the form could not show whole is of no kind, and never lacks anything", () => {
  const others = [
    { type: "cost", threshold: 0.01 },
    { type: "not-language", value: "es" },
    { type: "retrieved", value: { document: "hours.md", rank: 5 } },
    { type: "language", value: ["es", "en"] },
    { type: "handed-off", value: "speak to a person" },
  ];
  for (const check of others) expect([kindOf(check), isUnfilled(check)]).toEqual([undefined, false]);
});

test("what the bot should say is what an answer is compared with", () => {
  const likeness = { type: "rouge-n", value: "At nine.", threshold: 0.5 };
  expect(expectedOf([{ type: "answered" }, likeness])).toBe("At nine.");
  expect(expectedOf([{ type: "icontains", value: "nine" }])).toBe("");
});
