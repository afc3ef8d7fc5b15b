// What a customer sent, or a document holds, may be of any length: it is folded at first.
import { Anchor } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

export function More({ onClick }: { onClick: () => void }) {
  const { t } = useTranslation();
  return (
    <Anchor component="button" type="button" size="sm" c="inherit" underline="always" onClick={onClick}>
      {t("action.more")}
    </Anchor>
  );
}

/** How many entries of a list are shown at once. */
const STEP = 50;

type Props<T> = { all: readonly T[]; children: (shown: readonly T[]) => ReactNode };

/** A list that unfolds step by step. */
export function Folded<T>({ all, children }: Props<T>) {
  const [most, setMost] = useState(STEP);
  return (
    <>
      {children(all.slice(0, most))}
      {most < all.length && <More onClick={() => setMost(most + STEP)} />}
    </>
  );
}
