// The list of conversations. It is virtualised: only the visible rows are drawn.
import { Button, Group, Kbd } from "@mantine/core";
import { IconFilterOff, IconSearch } from "@tabler/icons-react";
import { Link, useNavigate, useRouter } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type MouseEvent, type RefObject, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Failed, Loading } from "@/parts/States";
import { useKeys } from "@/shell/Keys";
import { useConversations, useNumbers } from "./conversations";
import { useChange } from "./Filters";
import { type Conversation, type Filter, isWhole } from "./filter";
import classes from "./inbox.module.css";
import { useNumberName } from "./names";
import { Row, useRowWords } from "./Row";
import { waitsSince } from "./standing";
import { useNow, useWaited } from "./waited";

/** Height of a row, in pixels. */
const HEIGHT = 88;
/** The next page is loaded when this many rows are left. */
const AHEAD = 60;

function EmptyList({ filter }: { filter: Filter }) {
  const { t } = useTranslation("inbox");
  const change = useChange();
  if (isWhole(filter))
    return (
      <Empty
        title={t("none.title")}
        action={
          <Group justify="center" gap="xs" mt="xs">
            <Button component={Link} to="/numbers/add">
              {t("none.connect")}
            </Button>
            <Button component={Link} to="/sandbox" variant="default">
              {t("none.try")}
            </Button>
          </Group>
        }
      >
        {t("none.about")}
      </Empty>
    );
  return (
    <Empty
      icon={<IconSearch />}
      title={t("nothing.title")}
      action={
        <Button
          mt="xs"
          variant="default"
          leftSection={<IconFilterOff size={16} aria-hidden />}
          onClick={() => change({ show: undefined, q: undefined, number: undefined })}
        >
          {t("nothing.clear")}
        </Button>
      }
    >
      {t("nothing.about")}
    </Empty>
  );
}

type Walk = { list: Conversation[]; open?: string; search: RefObject<HTMLInputElement | null> };

/** j and k step through the list. They open the next conversation if one is open, and otherwise only move the focus. */
function useWalk({ list, open, search }: Walk, reveal: (index: number) => void) {
  const { t } = useTranslation("inbox");
  const navigate = useNavigate();
  const [at, setAt] = useState<string>();
  const now = useRef({ list, open, at });
  now.current = { list, open, at };
  const focus = useRef<string>(undefined);
  const go = useCallback(
    (id: string) =>
      void navigate({ to: "/inbox/$id", params: { id }, search: (old) => ({ ...old, trace: undefined }) }),
    [navigate],
  );
  const step = useCallback(
    (by: 1 | -1) => {
      const { list, open, at } = now.current;
      const here = list.findIndex(({ id }) => id === (open ?? at));
      const index = here < 0 ? 0 : Math.min(Math.max(here + by, 0), list.length - 1);
      const next = list[index];
      if (!next) return;
      reveal(index);
      setAt(next.id);
      focus.current = next.id;
      if (open && next.id !== open) go(next.id);
    },
    [go, reveal],
  );
  useEffect(() => {
    const id = focus.current;
    if (!id || id !== at) return;
    focus.current = undefined;
    // The row may not be drawn yet.
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>(`[data-id="${id}"]`)?.focus({ preventScroll: true }),
    );
  }, [at]);
  useKeys(
    useMemo(() => {
      const enter = () => {
        const { list, open, at } = now.current;
        const id = at ?? list[0]?.id;
        if (id && id !== open) go(id);
      };
      return [
        { key: "j", about: t("keys.next"), act: () => step(1) },
        { key: "k", about: t("keys.previous"), act: () => step(-1) },
        { key: "o", about: t("keys.open"), act: enter },
        {
          key: "Enter",
          about: t("keys.open"),
          // Enter on a button or link activates that element.
          act: (event: KeyboardEvent) => {
            if (event.target === document.body) enter();
          },
        },
        {
          key: "/",
          about: t("keys.search"),
          act: (event: KeyboardEvent) => {
            event.preventDefault();
            search.current?.focus();
            search.current?.select();
          },
        },
      ];
    }, [t, step, go, search]),
  );
  return { at: open ?? at, step, go };
}

type Props = { filter: Filter; open?: string; search: RefObject<HTMLInputElement | null> };

export function List({ filter, open, search }: Props) {
  const { t } = useTranslation("inbox");
  const box = useRef<HTMLDivElement>(null);
  const deepest = useRef(0);
  const { query, list } = useConversations(
    filter,
    useCallback(() => deepest.current, []),
  );
  const several = (useNumbers()?.length ?? 0) > 1;
  const numberName = useNumberName();
  const waited = useWaited();
  const now = useNow();
  const rows = useVirtualizer({
    count: list.length,
    getScrollElement: () => box.current,
    estimateSize: () => HEIGHT,
    getItemKey: useCallback((index: number) => list[index]?.id ?? index, [list]),
    overscan: 6,
    useFlushSync: false,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  deepest.current = last;
  const { scrollToIndex } = rows;
  const { at, step, go } = useWalk(
    { list, open, search },
    useCallback((index: number) => scrollToIndex(index, { align: "auto" }), [scrollToIndex]),
  );
  const words = useRowWords();
  const router = useRouter();
  const { show, q, number } = filter;
  const tail = useMemo(
    () =>
      router.buildLocation({
        to: "/inbox",
        search: { show: show === "all" ? undefined : show, q: q || undefined, number: number || undefined },
      }).searchStr,
    [router, show, q, number],
  );
  /** Rows are plain links, so the browser handles modified clicks. */
  const click = (event: MouseEvent) => {
    if (!(event.target instanceof Element)) return;
    const id = event.target.closest<HTMLElement>("[data-id]")?.dataset.id;
    if (!id || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(id);
  };
  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isFetchNextPageError && last >= list.length - AHEAD)
      void fetchNextPage();
  }, [hasNextPage, isFetching, isFetchNextPageError, fetchNextPage, last, list.length]);
  // A new filter starts at the top.
  const hash = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the change that counts.
  useEffect(() => {
    box.current?.scrollTo({ top: 0 });
  }, [hash]);

  if (!query.data)
    return (
      <div className={classes.rows} style={{ padding: 12 }}>
        {query.error ? (
          <Failed error={query.error} again={() => void query.refetch()} />
        ) : (
          <Loading rows={8} />
        )}
      </div>
    );
  if (list.length === 0)
    return (
      <div className={classes.rows} style={{ padding: 12 }} data-none>
        <EmptyList filter={filter} />
      </div>
    );
  // Only one row is in the tab order: the open one, or the first visible one.
  const tab = shown.some(({ key }) => key === at) ? at : (list[shown[0]?.index ?? 0]?.id ?? at);
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrows go through the links in it. */}
      <div
        className={classes.rows}
        ref={box}
        style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}
        aria-busy={query.isPlaceholderData}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
          event.preventDefault();
          step(event.key === "ArrowDown" ? 1 : -1);
        }}
        onClick={click}
      >
        <ul aria-label={t("list")} style={{ height: rows.getTotalSize() }}>
          {shown.map(({ index, key, start }) => {
            const one = list[index];
            if (!one) return null;
            const since = waitsSince(one);
            return (
              <li
                key={key}
                aria-posinset={index + 1}
                aria-setsize={hasNextPage ? -1 : list.length}
                style={{ height: HEIGHT, transform: `translateY(${start}px)` }}
              >
                <Row
                  one={one}
                  q={q}
                  open={one.id === open}
                  reachable={one.id === tab}
                  number={several ? numberName(one.number_slug) : undefined}
                  waited={since === undefined ? undefined : waited(since, now)}
                  tail={tail}
                  words={words}
                />
              </li>
            );
          })}
        </ul>
      </div>
      {isFetchNextPageError && (
        <div style={{ padding: 12 }}>
          <Failed error={query.error} again={() => void fetchNextPage()} />
        </div>
      )}
    </>
  );
}

/** Placeholder beside the list while no conversation is open. */
export function NoConversation() {
  const { t } = useTranslation("inbox");
  return (
    <div className={classes.nothing}>
      <Empty title={t("unopened.title")}>
        {t("unopened.about")}
        <Group justify="center" gap={6} mt="sm" dir="ltr" aria-hidden>
          <Kbd>j</Kbd>
          <Kbd>k</Kbd>
          <Kbd>Enter</Kbd>
          <Kbd>/</Kbd>
          <Kbd>?</Kbd>
        </Group>
      </Empty>
    </div>
  );
}
