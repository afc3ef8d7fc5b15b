// A message with something to tap, as a person writes it: choices, a link, products or a form below a text, a place, or
// an address card, within WhatsApp's limits.
import type { Schemas } from "@/api/client";
import { wordsOf } from "@/api/words";

/** The kinds, which are also those of the messages. */
const kinds = {
  choices: true,
  link: true,
  location: true,
  contacts: true,
  products: true,
  flow: true,
} as const satisfies Partial<Record<Schemas["MessageKind"], true>>;

export type TappableKind = keyof typeof kinds;

/** What stands below a text, or goes without one. */
export type Tappable = Pick<Schemas["Reply"], TappableKind>;

export type TappableContent = Extract<Schemas["Content"], { type: TappableKind }>;

export type TappableDraft = {
  kind: TappableKind;
  titles: string[];
  /** The label of the button that opens the list. */
  list: string;
  /** Of the button of a link or a form. */
  label: string;
  url: string;
  /** Latitude and longitude, as maps give them. */
  coordinates: string;
  /** Of a place or an address card. */
  name: string;
  address: string;
  /** One a line, as the products. */
  phones: string;
  products: string;
  catalog: string;
  /** The line above several products. */
  header: string;
  flow: string;
  screen: string;
};

export type TappableProblem =
  | "text"
  | "long"
  | "options"
  | "same"
  | "list"
  | "label"
  | "url"
  | "coordinates"
  | "card"
  | "catalog"
  | "products"
  | "header"
  | "flow";

export const MOST_OPTIONS = 10;
/** Longest labels: of a row of a list, of any button, and of a form's. */
export const LONGEST_TITLE = 24;
export const LONGEST_LABEL = 20;
export const LONGEST_FORM_LABEL = 30;
export const LONGEST_HEADER = 60;
const MOST_BUTTONS = 3;
const MOST_PRODUCTS = 30;
const MOST_PHONES = 10;
const LONGEST_TEXT = { buttons: 1024, list: 4096 };

/** The kind of what was written. */
export const kindOf = (below: Tappable): TappableKind | undefined =>
  wordsOf(kinds).find((kind) => !!below[kind]);

export const isTappableKind = (kind: string): kind is TappableKind => Object.hasOwn(kinds, kind);

/** Whether there can be a text above it. */
export const takesText = (kind: TappableKind) => kind !== "location" && kind !== "contacts";

/** The labels that were filled in. */
export const titlesOf = ({ titles }: Pick<TappableDraft, "titles">) =>
  titles.map((title) => title.trim()).filter(Boolean);

/** What stands on lines of its own, or between commas. */
const linesOf = (text: string) => titlesOf({ titles: text.split(/[\n,،;]/u) });
export const productsOf = (draft: TappableDraft) => linesOf(draft.products);

/** Whether choices are shown as a list: they are too many or too long for buttons. */
export function isList(draft: TappableDraft): boolean {
  const titles = titlesOf(draft);
  return titles.length > MOST_BUTTONS || titles.some((title) => title.length > LONGEST_LABEL);
}

/** The longest text above it, in characters. */
export const longestText = (draft: TappableDraft) =>
  draft.kind === "choices" && isList(draft) ? LONGEST_TEXT.list : LONGEST_TEXT.buttons;

/** A whole address of the web. */
function isAddress(url: string): boolean {
  if (/\s/.test(url) || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return false;
  return new URL(url).hostname.includes(".");
}

/** Latitude and longitude, if they are on Earth. */
function placeOf(coordinates: string): [latitude: number, longitude: number] | undefined {
  const [, north, east] = /^\s*(-?\d+(?:\.\d+)?)\s*[,،;\s]\s*(-?\d+(?:\.\d+)?)\s*$/u.exec(coordinates) ?? [];
  const [latitude, longitude] = [Number(north), Number(east)];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? [latitude, longitude] : undefined;
}

/** A phone number with its country code. */
const isPhone = (phone: string) => /^\+[\d\s().-]+$/.test(phone) && phone.replace(/\D/g, "").length >= 7;
/** An id that Meta gave. */
const isId = (id: string) => /^[\w-]{1,100}$/.test(id);
/** The same product twice is not one more. */
const areProducts = (ids: string[]) =>
  ids.length > 0 && ids.length <= MOST_PRODUCTS && new Set(ids).size === ids.length;

/** Why it cannot be sent yet. */
export function problemOf(text: string, draft: TappableDraft): TappableProblem | undefined {
  const { kind } = draft;
  if (kind === "location") return placeOf(draft.coordinates) ? undefined : "coordinates";
  if (kind === "contacts") {
    const phones = linesOf(draft.phones);
    const fits = draft.name.trim() && phones.length && phones.length <= MOST_PHONES && phones.every(isPhone);
    return fits ? undefined : "card";
  }
  const products = productsOf(draft);
  const isSingle = kind === "products" && products.length === 1;
  if (!text.trim() && !isSingle) return "text";
  if (text.trim().length > longestText(draft)) return "long";
  if (kind === "products") {
    if (!isId(draft.catalog.trim())) return "catalog";
    if (!areProducts(products)) return "products";
    return isSingle || draft.header.trim() ? undefined : "header";
  }
  if (kind !== "choices") {
    if (!draft.label.trim()) return "label";
    if (kind === "flow") {
      const screen = draft.screen.trim();
      return isId(draft.flow.trim()) && (!screen || isId(screen)) ? undefined : "flow";
    }
    return isAddress(draft.url.trim()) ? undefined : "url";
  }
  const titles = titlesOf(draft);
  if (titles.length === 0) return "options";
  if (new Set(titles.map((title) => title.toLowerCase())).size < titles.length) return "same";
  return isList(draft) && !draft.list.trim() ? "list" : undefined;
}

/** What is sent below the text, or without one. */
export function tappableOf(draft: TappableDraft): Tappable {
  const given = (text: string) => text.trim() || undefined;
  switch (draft.kind) {
    case "link":
      return { link: { label: draft.label.trim(), url: draft.url.trim() } };
    case "location": {
      const [latitude = Number.NaN, longitude = Number.NaN] = placeOf(draft.coordinates) ?? [];
      return { location: { latitude, longitude, name: given(draft.name), address: given(draft.address) } };
    }
    case "contacts":
      return { contacts: [{ name: draft.name.trim(), phones: linesOf(draft.phones) }] };
    case "products": {
      const products = productsOf(draft);
      const header = products.length > 1 ? given(draft.header) : undefined;
      return { products: { catalog: draft.catalog.trim(), sections: [{ products }], header } };
    }
    case "flow":
      return { flow: { id: draft.flow.trim(), label: draft.label.trim(), screen: given(draft.screen) } };
    default: {
      const options = titlesOf(draft).map((title) => ({ title }));
      return { choices: isList(draft) ? { options, list: draft.list.trim() } : { options } };
    }
  }
}

/** What a message with it holds, before the server has it. */
export function contentOf(body: string, below: Tappable): TappableContent | undefined {
  const { choices, link, products, flow, location, contacts } = below;
  const words = { text: body, body };
  if (choices) {
    const options = choices.options.map((option) => ({ ...option, id: option.id ?? "" }));
    return { type: "choices", ...words, ...choices, options };
  }
  if (link) return { type: "link", ...words, ...link };
  if (products) return { type: "products", ...words, ...products };
  if (flow) return { type: "flow", ...words, ...flow, flow: flow.id };
  if (location) return { type: "location", ...location };
  if (!contacts) return undefined;
  const cards = contacts.map(({ name, phones }) => ({
    name: { formatted_name: name },
    phones: phones.map((phone) => ({ phone })),
  }));
  return { type: "contacts", names: contacts.map(({ name }) => name), cards };
}
