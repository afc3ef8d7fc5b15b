// A list of recipients: its text, and what its first rows show. The server reads the whole of it.
import type { Schemas } from "@/api/client";
import { type Columns, columnName } from "./campaign";

/** The largest list that the server takes, in bytes. */
export const LARGEST = 20 * 1024 * 1024;
/** Length of the beginning in which the first rows are looked for, in characters. */
const BEGINNING = 64 * 1024;

export type ListFile = {
  name: string;
  csv: string;
  /** The columns as the list writes them. */
  columns: string[];
  /** The first customer's values, by the column's name. */
  first: Columns;
};

/** Which contacts of the number get the message. */
export type ContactChoice = {
  /** Only those who wrote in so many days. */
  days?: number;
  /** Only those of whom it is recorded that they agreed. */
  optedIn: boolean;
  /** Only those whose phone begins so. */
  phonePrefix?: string;
};

export type Source = { kind: "list"; list: ListFile } | ({ kind: "contacts" } & ContactChoice);

const DAY = 86_400_000;

export function bodyOf(source: Source, now = Date.now()): Schemas["NewRecipients"] {
  if (source.kind === "list") return { csv: source.list.csv };
  const { days, optedIn, phonePrefix } = source;
  const wroteAfter = days === undefined ? undefined : now - days * DAY;
  return { contacts: { wrote_after: wroteAfter, opted_in: optedIn, phone_prefix: phonePrefix || undefined } };
}

/** Decodes a list: spreadsheets also write UTF-16, and the letters of Western Europe in one byte each. */
export function decoded(bytes: Uint8Array): string {
  const [one, two] = bytes;
  if (one === 0xff && two === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (one === 0xfe && two === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** The first rows of a table. A cell in quotes may hold the delimiter, and lines. */
function rows(text: string, delimiter: string, most: number): string[][] {
  const found: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let isQuoted = false;
  const end = () => {
    row.push(cell.trim());
    cell = "";
  };
  for (let at = 0; at < text.length && found.length < most; at += 1) {
    const letter = text[at] ?? "";
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') {
        cell += letter;
        at += 1;
      } else isQuoted = false;
    } else if (letter === '"' && !cell.trim()) {
      cell = "";
      isQuoted = true;
    } else if (letter === delimiter) end();
    else if (letter === "\n") {
      end();
      if (row.some(Boolean)) found.push(row);
      row = [];
    } else cell += letter;
  }
  end();
  if (found.length < most && row.some(Boolean)) found.push(row);
  return found;
}

/** The columns of a table, and its first customer. */
export function headOf(text: string): Pick<ListFile, "columns" | "first"> {
  const beginning = text.slice(0, BEGINNING);
  // Excel names the delimiter in a line of its own.
  const hint = /^sep=(.)\r?\n/.exec(beginning);
  const table = hint ? beginning.slice(hint[0].length) : beginning;
  const read = (hint?.[1] ? [hint[1]] : [",", ";", "\t", "|"]).map((delimiter) => rows(table, delimiter, 2));
  const [columns = [], cells = []] = read.reduce((best, next) =>
    (next[0]?.length ?? 0) > (best[0]?.length ?? 0) ? next : best,
  );
  const first = columns.map((column, at): [string, string] => [columnName(column), cells[at] ?? ""]);
  return {
    columns: columns.filter(Boolean),
    first: Object.fromEntries(first.filter(([name, value]) => name && value)),
  };
}

export async function readList(file: File): Promise<ListFile> {
  const csv = decoded(new Uint8Array(await file.arrayBuffer()));
  return { name: file.name, csv, ...headOf(csv) };
}
