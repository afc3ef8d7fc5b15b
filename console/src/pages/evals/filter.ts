// Filters the cases of a table.
import type { Schemas } from "@/api/client";
import { type Verdict, verdicts } from "./row";

type Case = Schemas["ComparedCase"];

/** `changed`: cases whose verdict differs between the runs. */
export type CaseFilter = Verdict | "changed" | undefined;

export function readFilter(text: string | undefined): CaseFilter {
  return text === "changed" ? text : verdicts.find((one) => one === text);
}

const plain = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** Filters by the first run's verdict and by words in the title or column; accents are ignored. */
export function filtered(cases: Case[], only: CaseFilter, words: string): Case[] {
  const wanted = plain(words.trim());
  return cases.filter(({ cells, changed, title, column }) => {
    if (only === "changed" && !changed) return false;
    if (only && only !== "changed" && cells[0]?.verdict !== only) return false;
    return !wanted || plain(`${title} ${column}`).includes(wanted);
  });
}
