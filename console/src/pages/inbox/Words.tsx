// Text that someone wrote, as WhatsApp shows it, with its addresses as links. A long one is folded at first.
import { useState } from "react";
import { MoreLink } from "@/parts/FoldedList";
import { FormattedText } from "@/parts/FormattedText";
import { beginning } from "./messageParts";
import classes from "./thread.module.css";

export function Words({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const folded = open ? undefined : beginning(text);
  return (
    <>
      <p className={classes.words} dir="auto">
        <FormattedText text={folded === undefined ? text : `${folded}…`} links />
      </p>
      {folded !== undefined && <MoreLink onClick={() => setOpen(true)} />}
    </>
  );
}
