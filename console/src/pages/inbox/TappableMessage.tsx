// A message with something to tap: its text, and the labels of its choices or the link of its button.
import { Anchor } from "@mantine/core";
import { IconHandClick, IconLink } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Kind } from "./Kind";
import { TemplateButtons } from "./TemplateMessage";
import { Words } from "./Words";

type Option = { title: string; description?: string | null };
type Around = { body: string; header?: string | null; footer?: string | null };

const labelOf = ({ title, description }: Option) => (description ? `${title} – ${description}` : title);

function Texts({ body, header, footer }: Around) {
  return (
    <>
      {header && <Words text={`*${header}*`} />}
      <Words text={body} />
      {footer && <Words text={footer} />}
    </>
  );
}

export function ChoicesMessage({ options, ...around }: Around & { options: readonly Option[] }) {
  const { t } = useTranslation("inbox");
  return (
    <>
      <Kind icon={<IconHandClick size={15} aria-hidden />}>{t("kind.choices")}</Kind>
      <Texts {...around} />
      <TemplateButtons labels={options.map(labelOf)} />
    </>
  );
}

export function LinkMessage({ label, url, ...around }: Around & Pick<Schemas["LinkReply"], "label" | "url">) {
  const { t } = useTranslation("inbox");
  return (
    <>
      <Kind icon={<IconLink size={15} aria-hidden />}>{t("kind.link")}</Kind>
      <Texts {...around} />
      {/^https?:\/\//i.test(url) && (
        <Anchor
          href={url}
          target="_blank"
          rel="noopener noreferrer"
          size="sm"
          c="inherit"
          underline="always"
          title={url}
        >
          <bdi>{label}</bdi>
        </Anchor>
      )}
    </>
  );
}
