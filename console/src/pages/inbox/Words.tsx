// Text that someone wrote, as WhatsApp shows it, with its addresses as links. A long one is folded at first.
import { Anchor } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Formatted } from "@/parts/Formatted";
import { beginning } from "./holds";
import classes from "./thread.module.css";

export function Words({ text }: { text: string }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const folded = open ? undefined : beginning(text);
  return (
    <>
      <p className={classes.words} dir="auto">
        <Formatted text={folded === undefined ? text : `${folded}…`} links />
      </p>
      {folded !== undefined && (
        <Anchor
          component="button"
          type="button"
          size="sm"
          c="inherit"
          underline="always"
          onClick={() => setOpen(true)}
        >
          {t("action.more")}
        </Anchor>
      )}
    </>
  );
}
