// A template that is written here: the values of its texts, and what is submitted. The server checks it.
import type { Schemas } from "@/api/client";
import { parameterKey, type TemplateParameter, type TypedValues } from "./template";

type Draft = Schemas["TemplateDraft"];
export type DraftButton = Schemas["DraftButton"];
export type DraftTexts = Required<Pick<Draft, "name" | "language" | "category" | "body">> & {
  header: string;
  footer: string;
  buttons: readonly DraftButton[];
};

/** The numbers of a text's placeholders, each once, in their order. */
export function placeholdersOf(text: string): string[] {
  const found = [...text.matchAll(/\{\{\s*(\d+)\s*\}\}/g)].map(([, number = ""]) => number);
  return [...new Set(found)].sort((one, other) => Number(one) - Number(other));
}

/** What it will look like, with the values that it takes. */
export function shapeOf({ header, body, footer, buttons }: DraftTexts) {
  const of = (part: TemplateParameter["part"], names: string[]) => names.map((name) => ({ part, name }));
  const links = buttons.flatMap(({ url }, at) => (url?.includes("{{1}}") ? [String(at)] : []));
  const parameters: TemplateParameter[] = [
    ...of("header", placeholdersOf(header)),
    ...of("body", placeholdersOf(body)),
    ...of("button", links),
  ];
  const layout: Schemas["TemplateLayout"] = {
    header: header ? { kind: "text", text: header } : null,
    body,
    footer: footer || null,
    buttons: buttons.map(({ kind, text, url }) => ({ kind, text, url })),
    named: false,
  };
  return { layout, parameters };
}

/** What is submitted. */
export function draftOf(texts: DraftTexts, examples: TypedValues): Draft {
  const { parameters } = shapeOf(texts);
  return {
    ...texts,
    header: texts.header.trim() || null,
    footer: texts.footer.trim() || null,
    body: texts.body.trim(),
    buttons: [...texts.buttons],
    examples: parameters.map((one) => ({ ...one, value: (examples[parameterKey(one)] ?? "").trim() })),
  };
}
