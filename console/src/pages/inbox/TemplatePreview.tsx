// A template as the customer will see it, with its values.
import { Text } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { FormattedText } from "@/parts/FormattedText";
import { partsOf, type Template, type TemplateParameter, type TypedValues } from "@/parts/template";
import classes from "./Template.module.css";
import { TemplateButtons } from "./TemplateMessage";
import thread from "./thread.module.css";

type Props = {
  template: Pick<Template, "layout" | "parameters">;
  values: TypedValues;
  labelOf: (parameter: TemplateParameter) => string;
};

/** The message as the customer will see it; what is missing stands in brackets, whatever its direction. */
export function TemplatePreview({ template, values, labelOf }: Props) {
  const { t } = useTranslation("templates");
  const title = useId();
  const { header, body, footer } = partsOf(template, values, (one) => `\u2068[${labelOf(one)}]\u2069`);
  return (
    <section className={classes.preview} aria-labelledby={title} tabIndex={-1}>
      <Text size="xs" c="dimmed" id={title} mb={6}>
        {t("form.preview")}
      </Text>
      <div className={thread.message} data-author="person">
        <div className={thread.bubble}>
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
