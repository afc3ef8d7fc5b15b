// The fields of a message with something to tap, other than choices.
import { Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import {
  LONGEST_FORM_LABEL,
  LONGEST_HEADER,
  LONGEST_LABEL,
  productsOf,
  type TappableDraft,
  type TappableKind,
} from "./tappable";

type FieldName = Exclude<keyof TappableDraft, "kind" | "titles" | "list">;
type Props = { draft: TappableDraft; change: (changed: Partial<TappableDraft>) => void };

const fields: Record<TappableKind, readonly FieldName[]> = {
  choices: [],
  link: ["label", "url"],
  location: ["coordinates", "name", "address"],
  contacts: ["name", "phones"],
  products: ["catalog", "products", "header"],
  flow: ["label", "flow", "screen"],
};

const optional: ReadonlySet<FieldName> = new Set<FieldName>(["address", "screen"]);
/** What is read from left to right in every language. */
const latin: ReadonlySet<FieldName> = new Set<FieldName>([
  "url",
  "coordinates",
  "phones",
  "products",
  "catalog",
  "flow",
  "screen",
]);
const long: ReadonlySet<FieldName> = new Set<FieldName>(["phones", "products"]);
const described = ["coordinates", "phones", "products", "catalog", "flow"] as const;
const isDescribed = (name: FieldName): name is (typeof described)[number] =>
  described.some((one) => one === name);

export function TappableFields({ draft, change }: Props) {
  const { t } = useTranslation("inbox");
  const { kind } = draft;
  const lengths: Partial<Record<FieldName, number>> = {
    label: kind === "flow" ? LONGEST_FORM_LABEL : LONGEST_LABEL,
    header: LONGEST_HEADER,
    name: 200,
    address: 1000,
  };
  // A single product has no line above it.
  const shown = fields[kind].filter((name) => name !== "header" || productsOf(draft).length > 1);
  return shown.map((name) => {
    const props = {
      label: t(`buttons.${name === "name" && kind === "location" ? "place" : name}`),
      description: isDescribed(name) && t(`buttons.${name}About`),
      dir: latin.has(name) ? "ltr" : "auto",
      required: !optional.has(name) && !(name === "name" && kind === "location"),
      maxLength: lengths[name],
      value: draft[name],
      onChange: (event: { currentTarget: { value: string } }) =>
        change({ [name]: event.currentTarget.value }),
    } as const;
    if (long.has(name)) return <Textarea key={name} {...props} autosize minRows={2} maxRows={8} />;
    return (
      <TextInput
        key={name}
        {...props}
        {...(name === "url" && { type: "url", placeholder: "https://" })}
        {...(name === "coordinates" && { placeholder: "51.5007, -0.1246" })}
      />
    );
  });
}
