// Text that someone wrote, as WhatsApp shows it, with its addresses as links. A long one is folded at first.
import { useState } from "react";
import { More } from "@/parts/Folded";
import { Formatted } from "@/parts/Formatted";
import { beginning } from "./holds";
import classes from "./thread.module.css";

export function Words({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const folded = open ? undefined : beginning(text);
  return (
    <>
      <p className={classes.words} dir="auto">
        <Formatted text={folded === undefined ? text : `${folded}…`} links />
      </p>
      {folded !== undefined && <More onClick={() => setOpen(true)} />}
    </>
  );
}
