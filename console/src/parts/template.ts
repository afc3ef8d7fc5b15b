// Message templates: which can be sent, and how one is filled. The server has the same rules and checks them again.
import type { Schemas } from "@/api/client";

export type Template = Schemas["MessageTemplate"];
export type TemplateParameter = Schemas["TemplateParameter"];
type Part = Schemas["TemplatePart"];

/** Maximum lengths of a part with its values, in characters; of a button's it is its address. */
const LONGEST: Record<Part, number> = { header: 60, body: 1_024, button: 2_000 };
const LONGEST_CODE = 15;

type HeaderKind = Schemas["TemplateHeaderKind"];
/** The kinds of file that stand above a template's text. */
export type HeaderFile = Extract<HeaderKind, Schemas["MediaKind"]>;
const headerFiles: Partial<Record<HeaderKind, HeaderFile>> = {
  image: "image",
  video: "video",
  document: "document",
};

/** The file that a template has above its text. */
export const headerFile = ({ layout }: Pick<Template, "layout">) =>
  layout.header ? headerFiles[layout.header.kind] : undefined;

const placeNames = ["latitude", "longitude", "name", "address"] as const;

/** Which value of the place above a template's text it is; undefined: of none. */
export const placeName = ({ layout }: Pick<Template, "layout">, { part, name }: TemplateParameter) =>
  part === "header" && layout.header?.kind === "location"
    ? placeNames.find((one) => one === name)
    : undefined;

/** Whether a value is the code that a button copies. */
export const isCode = ({ layout }: Pick<Template, "layout">, { part, name }: TemplateParameter) =>
  part === "button" && layout.buttons[Number(name)]?.kind === "copy_code";

/** What WhatsApp would refuse of a value. */
export type ValueProblem =
  | { kind: "missing" }
  | { kind: "notOneLine" }
  | { kind: "notLinkEnd" }
  | { kind: "notPlace" }
  | { kind: "notCode" }
  /** Only of a campaign: its list has no such column. */
  | { kind: "noColumn"; column: string }
  | { kind: "tooLong"; part: Part; length: number; most: number };

/** Values as a person typed them, by the key of their parameter. */
export type TypedValues = Readonly<Record<string, string>>;

export const templateKey = ({ name, language }: Pick<Template, "name" | "language">) => `${name} ${language}`;
export const parameterKey = ({ part, name }: TemplateParameter) => `${part}.${name}`;

/** Whether it can be sent from here. */
export const isSendable = ({ state, supported }: Template) => state === "approved" && supported;

/**
 * Whether it can stand for a message once the window is closed: the message fills its only value, or it has none.
 */
export function canFallBack(template: Template): boolean {
  const { parameters, layout } = template;
  const [only] = parameters;
  const takesText = parameters.length === 1 && only?.part === "body" && !layout.named;
  return isSendable(template) && !headerFile(template) && (parameters.length === 0 || takesText);
}

/** Whether two say the same and take the same values. */
export const isSame = (one: Template, other: Template) =>
  JSON.stringify([one.layout, one.parameters]) === JSON.stringify([other.layout, other.parameters]);

/** Whether it can be sent as it was chosen; `current`: as it is now, undefined if it is gone. */
export const isUnchanged = (template: Template, current: Template | undefined) =>
  current !== undefined && isSendable(current) && isSame(current, template);

/** The address whose end a value is; undefined: it is in no link. */
export function linkBeginning({ layout }: Template, { part, name }: TemplateParameter): string | undefined {
  return part === "button" ? layout.buttons[Number(name)]?.url?.split("{{")[0] : undefined;
}

/** Whether a template has these words in its name or its texts. */
export function hasWords({ name, layout }: Template, words: string): boolean {
  const texts = [name, name.replaceAll("_", " "), layout.header?.text, layout.body, layout.footer];
  return texts.some((text) => text?.toLocaleLowerCase().includes(words.trim().toLocaleLowerCase()));
}

/** The values in a template's order, without the spaces around them. */
const valuesOf = ({ parameters }: Pick<Template, "parameters">, typed: TypedValues) =>
  parameters.map((wanted) => ({ ...wanted, value: (typed[parameterKey(wanted)] ?? "").trim() }));

/**
 * A text with values in the place of its placeholders; one without a value stays. What a value holds is not replaced
 * again.
 */
export function replaced(text: string, given: (name: string) => string | undefined): string {
  const [beginning = "", ...pieces] = text.split("{{");
  const filled = pieces.map((piece) => {
    const end = piece.indexOf("}}");
    const value = end < 0 ? undefined : given(piece.slice(0, end).trim());
    return value === undefined ? `{{${piece}` : value + piece.slice(end + 2);
  });
  return beginning + filled.join("");
}

export type FilledParts = { header?: string; body: string; footer?: string };

/** What the customer reads. `gap`: shown in the place of a value that is missing. */
export function partsOf(
  template: Pick<Template, "layout" | "parameters">,
  typed: TypedValues,
  gap: (parameter: TemplateParameter) => string = () => "",
): FilledParts {
  const values = valuesOf(template, typed);
  const within = (part: Part, text: string) =>
    replaced(text, (name) => {
      const found = values.find((value) => value.part === part && value.name === name);
      return found && (found.value || gap({ part, name }));
    });
  const { header, body, footer } = template.layout;
  const line = header?.kind === "location" ? "{{name}}, {{address}}" : header?.text;
  return {
    header: line ? within("header", line) : undefined,
    body: within("body", body),
    footer: footer ?? undefined,
  };
}

/** Whether a value of a place is on Earth; its name and address are. */
function isDegrees({ name, value }: { name: string; value: string }): boolean {
  const most = { latitude: 90, longitude: 180 }[name];
  return most === undefined || (/^-?\d+(\.\d+)?$/.test(value) && Math.abs(Number(value)) <= most);
}

const lengthOf = (text: string) => [...text].length;

/** What WhatsApp would refuse, by the key of the parameter. A part that is too long is said at its longest value. */
export function problemsOf(template: Template, typed: TypedValues): Map<string, ValueProblem> {
  const found = new Map<string, ValueProblem>();
  const values = valuesOf(template, typed);
  for (const one of values) {
    if (!one.value) found.set(parameterKey(one), { kind: "missing" });
    else if (isCode(template, one) && (/\s/u.test(one.value) || lengthOf(one.value) > LONGEST_CODE))
      found.set(parameterKey(one), { kind: "notCode" });
    else if (placeName(template, one) && !isDegrees(one)) found.set(parameterKey(one), { kind: "notPlace" });
    else if (one.part === "button" && /\s|:\/\//u.test(one.value))
      found.set(parameterKey(one), { kind: "notLinkEnd" });
    else if (/\p{Cc}| {5}/u.test(one.value)) found.set(parameterKey(one), { kind: "notOneLine" });
  }
  const { header = "", body } = partsOf(template, typed);
  const check = (part: Part, text: string, among: typeof values) => {
    const [length, most] = [lengthOf(text), LONGEST[part]];
    const longest = [...among].sort((one, other) => other.value.length - one.value.length)[0];
    if (length > most && longest) found.set(parameterKey(longest), { kind: "tooLong", part, length, most });
  };
  check(
    "header",
    template.layout.header?.kind === "text" ? header : "",
    values.filter(({ part }) => part === "header"),
  );
  check(
    "body",
    body,
    values.filter(({ part }) => part === "body"),
  );
  for (const one of values) {
    const button = one.part === "button" ? template.layout.buttons[Number(one.name)] : undefined;
    if (button) check("button", (button.url ?? "") + one.value, [one]);
  }
  return found;
}

/** A filled template to send, and the text that the server makes of it. */
export function filled(template: Template, typed: TypedValues) {
  const { header, body, footer } = partsOf(template, typed);
  const { name, language, layout } = template;
  return {
    reply: { name, language, values: valuesOf(template, typed) } satisfies Schemas["TemplateReply"],
    text: [header, body, footer].filter((part) => part !== undefined).join("\n\n"),
    buttons: layout.buttons.map(({ text }) => text),
  };
}
