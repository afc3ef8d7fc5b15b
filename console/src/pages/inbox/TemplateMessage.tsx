// A template in the conversation: what it says, and the labels of its buttons.
import { IconTemplate } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Kind } from "./Kind";
import classes from "./Template.module.css";
import { Words } from "./Words";

export function TemplateButtons({ labels }: { labels: readonly string[] }) {
  const { t } = useTranslation("inbox");
  if (labels.length === 0) return null;
  return (
    <ul className={classes.buttons} aria-label={t("templateButtons")}>
      {labels.map((label, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: buttons do not change places.
        <li key={at} dir="auto">
          {label}
        </li>
      ))}
    </ul>
  );
}

type Props = {
  text: string;
  buttons: readonly string[];
  /** The file above the text. */
  children?: ReactNode;
};

export function TemplateMessage({ text, buttons, children }: Props) {
  const { t } = useTranslation("inbox");
  return (
    <>
      <Kind icon={<IconTemplate size={15} aria-hidden />}>{t("kind.template")}</Kind>
      {children}
      <Words text={text} />
      <TemplateButtons labels={buttons} />
    </>
  );
}
