// Text that someone wrote, as WhatsApp shows it, with its addresses as links.
import { Formatted } from "@/parts/Formatted";
import classes from "./thread.module.css";

export function Words({ text }: { text: string }) {
  return (
    <p className={classes.words} dir="auto">
      <Formatted text={text} links />
    </p>
  );
}
