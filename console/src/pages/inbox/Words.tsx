// Text that someone wrote, with its addresses as links. It is never parsed as HTML.
import { useMemo } from "react";
import { pieces } from "./links";
import classes from "./thread.module.css";

export function Words({ text }: { text: string }) {
  const all = useMemo(() => pieces(text), [text]);
  return (
    <p className={classes.words} dir="auto">
      {all.map(({ text: shown, href }, at) =>
        href ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a text do not change places.
          <a key={at} href={href} target="_blank" rel="noopener noreferrer" dir="ltr">
            {shown}
          </a>
        ) : (
          shown
        ),
      )}
    </p>
  );
}
