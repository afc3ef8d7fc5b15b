// A template as the customer will see it.
import { Text } from "@mantine/core";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { FormattedText } from "@/parts/FormattedText";
import {
  isCode,
  partsOf,
  placeName,
  type Template,
  type TemplateParameter,
  type TypedValues,
} from "@/parts/template";
import classes from "./Template.module.css";
import { TemplateButtons } from "./TemplateMessage";
import thread from "./thread.module.css";

/** Returns a function that names a value by where it stands. */
export function useLabel({ layout }: Pick<Template, "layout">) {
  const { t } = useTranslation("templates");
  return ({ part, name }: TemplateParameter): string => {
    const one = { part, name };
    if (part === "button") {
      const label = layout.buttons[Number(name)]?.text ?? "";
      return t(isCode({ layout }, one) ? "field.code" : "field.button", { label });
    }
    const place = placeName({ layout }, one);
    if (place) return t(`field.place.${place}`);
    if (!layout.named) return t(part === "header" ? "field.header" : "field.body", { name });
    return part === "header" ? t("field.headerNamed", { name }) : name;
  };
}

type Props = {
  template: Pick<Template, "layout" | "parameters">;
  values: TypedValues;
  /** What it is called; without it a preview. */
  title?: ReactNode;
  /** The file above the text. */
  file?: ReactNode;
};

/** What is missing stands in brackets, whatever its direction. */
export function TemplatePreview({ template, values, title, file }: Props) {
  const { t } = useTranslation("templates");
  const id = useId();
  const labelOf = useLabel(template);
  const { header, body, footer } = partsOf(template, values, (one) => `\u2068[${labelOf(one)}]\u2069`);
  return (
    <section className={classes.preview} aria-labelledby={id} tabIndex={-1}>
      <Text size="xs" c="dimmed" id={id} mb={6}>
        {title ?? t("form.preview")}
      </Text>
      <div className={thread.message} data-author="person">
        <div className={thread.bubble}>
          {file}
          {header && (
            <p className={thread.words} dir="auto">
              <strong>{header}</strong>
            </p>
          )}
          <p className={thread.words} dir="auto">
            <FormattedText text={body} />
          </p>
          {footer && (
            <Text size="xs" mt={4} dir="auto">
              {footer}
            </Text>
          )}
          <TemplateButtons labels={template.layout.buttons.map(({ text }) => text)} />
        </div>
      </div>
    </section>
  );
}
