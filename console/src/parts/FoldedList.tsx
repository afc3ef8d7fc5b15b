// What a customer sent, or a document holds, may be of any length: it is folded at first.
import { Anchor } from "@mantine/core";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

type MoreLinkProps = {
  /** How many entries are not shown yet. */
  left?: number;
  onClick: () => void;
};

export function MoreLink({ left, onClick }: MoreLinkProps) {
  const { t } = useTranslation();
  return (
    <Anchor component="button" type="button" size="sm" c="inherit" underline="always" onClick={onClick}>
      {left ? t("action.moreOf", { left }) : t("action.more")}
    </Anchor>
  );
}

/** How many entries of a list are shown at once. */
const STEP = 50;

/** Moves the focus to an entry; `box` holds the entries, or one list or table of them. */
function focusEntry(box: HTMLElement | null, at: number) {
  const only = box?.childElementCount === 1 ? box.firstElementChild : box;
  const list = only instanceof HTMLTableElement ? only.tBodies[0] : only;
  const entry = list?.children[at];
  if (!(entry instanceof HTMLElement)) return;
  if (entry.tabIndex < 0) entry.tabIndex = -1;
  entry.focus();
}

type Props<T> = { all: readonly T[]; children: (shown: readonly T[]) => ReactNode };

/** A list that unfolds step by step. */
export function FoldedList<T>({ all, children }: Props<T>) {
  const [most, setMost] = useState(STEP);
  const box = useRef<HTMLDivElement>(null);
  // The last press takes the button away, and the focus with it.
  useEffect(() => {
    if (most > STEP) focusEntry(box.current, most - STEP);
  }, [most]);
  return (
    <>
      <div ref={box} style={{ display: "contents" }}>
        {children(all.slice(0, most))}
      </div>
      {most < all.length && <MoreLink left={all.length - most} onClick={() => setMost(most + STEP)} />}
    </>
  );
}
