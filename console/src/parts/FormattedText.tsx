// A text as WhatsApp shows it. It is never parsed as HTML.
import { Code } from "@mantine/core";
import { Fragment, type ReactNode, useMemo } from "react";
import { pieces } from "./links";
import { type Run, runs } from "./whatsapp";

type Props = {
  text: string;
  /** Whether addresses become links. */
  links?: boolean;
};

export function FormattedText({ text, links }: Props) {
  const all = useMemo(() => runs(text), [text]);
  // biome-ignore lint/suspicious/noArrayIndexKey: runs of a text do not change places.
  return all.map((run, at) => <Fragment key={at}>{dressed(run, links)}</Fragment>);
}

function dressed({ text, look }: Run, links?: boolean): ReactNode {
  if (look === "code") return <Code>{text}</Code>;
  const shown = links ? linked(text) : text;
  if (look === "bold") return <strong>{shown}</strong>;
  if (look === "italic") return <em>{shown}</em>;
  return look === "struck" ? <s>{shown}</s> : shown;
}

function linked(text: string): ReactNode {
  return pieces(text).map(({ text: shown, href }, at) =>
    href ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a text do not change places.
      <a key={at} href={href} target="_blank" rel="noopener noreferrer" dir="ltr">
        {shown}
      </a>
    ) : (
      shown
    ),
  );
}
