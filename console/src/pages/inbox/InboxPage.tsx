// The inbox: the list and, beside it, the open conversation. A phone shows one of the two.
import { VisuallyHidden } from "@mantine/core";
import { Outlet, useParams, useSearch } from "@tanstack/react-router";
import i18n from "i18next";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useTitle } from "@/parts/Page";
import { parseSearch } from "@/shell/address";
import { ahead, reads, useConversation, useStirred } from "./conversations";
import { Filters } from "./Filters";
import { filterOf } from "./filter";
import classes from "./inbox.module.css";
import { List, NoConversation } from "./List";
import { useNameOf } from "./Row";
import { inboxSearch } from "./search";

// Loads texts and list in parallel, before the page is drawn.
void i18n.loadNamespaces("inbox");
if (location.pathname.startsWith("/inbox")) ahead(filterOf(inboxSearch(parseSearch(location.search))));

/** Height left in the window below an element. It updates when something above appears or disappears. */
function useRest() {
  const ref = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState<number>();
  useLayoutEffect(() => {
    const main = ref.current?.parentElement;
    if (!main) return;
    const measure = () => {
      if (ref.current) setTop(ref.current.getBoundingClientRect().top + window.scrollY);
    };
    const watch = new ResizeObserver(measure);
    // The page's height stays when the banner above goes: `main` is never shorter than the window.
    for (const one of [main, ...main.children]) if (one !== ref.current) watch.observe(one);
    measure();
    return () => watch.disconnect();
  }, []);
  return { ref, height: top === undefined ? "100dvh" : `calc(100dvh - ${top}px)` };
}

function ListTitle() {
  const { t } = useTranslation("inbox");
  useTitle(t("title"));
  return null;
}

function ThreadTitle({ id }: { id: string }) {
  const name = useNameOf();
  useTitle(name(useConversation(id).data));
  return null;
}

export function InboxPage() {
  const { t } = useTranslation("inbox");
  const { show, q, number } = useSearch({ strict: false });
  const filter = useMemo(() => filterOf({ show, q, number }), [show, q, number]);
  const { id: open } = useParams({ strict: false });
  const search = useRef<HTMLInputElement>(null);
  const { ref, height } = useRest();
  useStirred(filter);
  useEffect(() => {
    reads(open);
    return () => reads(undefined);
  }, [open]);
  return (
    <div ref={ref} className={classes.inbox} style={{ height }} data-open={open ? "" : undefined}>
      <VisuallyHidden component="h1">{t("title")}</VisuallyHidden>
      {open ? <ThreadTitle id={open} /> : <ListTitle />}
      <nav className={classes.list} aria-label={t("list")}>
        <Filters filter={filter} field={search} />
        <List filter={filter} open={open} search={search} />
      </nav>
      {open ? <Outlet /> : <NoConversation />}
    </div>
  );
}
