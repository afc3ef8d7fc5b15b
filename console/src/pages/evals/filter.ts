// Which cases of a table are shown.
import type { Schemas } from "@/api/client";
import { type Verdict, verdicts } from "./row";

type Case = Schemas["ComparedCase"];

/** `changed`: those whose verdict is not the same in all runs. */
export type Only = Verdict | "changed" | undefined;

export function readOnly(text: string | undefined): Only {
  return text === "changed" ? text : verdicts.find((one) => one === text);
}

const plain = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** The verdict is that of the first run; the words may be of the title or the column, with or without accents. */
export function filtered(cases: Case[], only: Only, words: string): Case[] {
  const wanted = plain(words.trim());
  return cases.filter(({ cells, changed, title, column }) => {
    if (only === "changed" && !changed) return false;
    if (only && only !== "changed" && cells[0]?.verdict !== only) return false;
    return !wanted || plain(`${title} ${column}`).includes(wanted);
  });
}
