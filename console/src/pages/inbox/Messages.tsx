// The messages of a conversation, newest at the bottom; earlier ones load while scrolling up.
import { Button, Loader, VisuallyHidden } from "@mantine/core";
import { IconArrowDown } from "@tabler/icons-react";
import { Fragment, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { Failed } from "@/parts/States";
import { ActivityLine } from "./ActivityLine";
import type { Activity } from "./activity";
import { Bubble, PendingBubble, useSummary } from "./Bubble";
import { useFollow } from "./follow";
import { reactions } from "./messageParts";
import { type PendingMessage, unarrived } from "./outbox";
import { outbox } from "./sending";
import type { Message, useMessages } from "./thread";
import classes from "./thread.module.css";
import { timeline } from "./timeline";

/** Earlier messages load within this distance from the top, in pixels. */
const EARLY = 800;

function Day({ at }: { at: number }) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  const day = new Date(at).toDateString();
  const name =
    day === today.toDateString()
      ? t("day.today")
      : day === yesterday.toDateString()
        ? t("day.yesterday")
        : format.day(at);
  return <li className={classes.day}>{name}</li>;
}

/** Announces new messages of the customer to screen readers. */
function useSaid(messages: readonly Message[], customer: string) {
  const { t } = useTranslation("inbox");
  const summary = useSummary();
  const known = useRef<string>(undefined);
  const [said, setSaid] = useState("");
  const last = messages.at(-1);
  useEffect(() => {
    const before = known.current;
    known.current = last?.id;
    if (before && last && last.id > before && last.author === "customer")
      setSaid(t("said", { name: customer, text: summary(last) }));
  }, [last, customer, t, summary]);
  return said;
}

/** The number of messages since the end was last visible. */
function useNew(messages: readonly Message[], atEnd: boolean) {
  const seen = useRef<string>(undefined);
  const last = messages.at(-1)?.id;
  useEffect(() => {
    if (atEnd || !seen.current) seen.current = last;
  }, [atEnd, last]);
  if (atEnd || !seen.current) return 0;
  const at = messages.findLastIndex(({ id }) => id === seen.current);
  return at < 0 ? 0 : messages.length - 1 - at;
}

type Props = {
  id: string;
  customer: string;
  thread: ReturnType<typeof useMessages>;
  activities: readonly Activity[];
  pending: readonly PendingMessage[];
  /** Whether the customer can be written to now. */
  writable: boolean;
  quote: (message: Message) => void;
  why: (turn: string) => void;
};

export function Messages({ id, customer, thread, activities, pending, writable, quote, why }: Props) {
  const { t } = useTranslation("inbox");
  const box = useRef<HTMLDivElement>(null);
  const { query, messages } = thread;
  const waiting = useMemo(() => unarrived(pending, messages), [pending, messages]);
  useEffect(() => {
    // A file that the server has, although the page was reloaded before it said so.
    for (const one of pending) if (one.lost && !waiting.includes(one)) outbox.discard(one.key);
  }, [pending, waiting]);
  const lines = useMemo(() => timeline(messages, activities), [messages, activities]);
  const { atEnd, onScroll, toEnd, to } = useFollow(
    box,
    `${lines.length} ${waiting.length} ${messages[0]?.id}`,
  );
  const fresh = useNew(messages, atEnd);
  const said = useSaid(messages, customer);
  const [found, setFound] = useState<string>();
  const find = useCallback(
    (message: string) => {
      to(message);
      setFound(message);
    },
    [to],
  );
  useEffect(() => {
    if (!found) return;
    const over = setTimeout(() => setFound(undefined), 2_000);
    return () => clearTimeout(over);
  }, [found]);
  // Scrolls to one's own new message.
  const mine = pending.at(-1)?.key;
  useEffect(() => {
    if (mine) toEnd();
  }, [mine, toEnd]);

  const { hasNextPage, isFetching, isFetchNextPageError, fetchNextPage } = query;
  const earlier = useCallback(() => {
    const it = box.current;
    if (it && it.scrollTop < EARLY && hasNextPage && !isFetching && !isFetchNextPageError)
      void fetchNextPage();
  }, [hasNextPage, isFetching, isFetchNextPageError, fetchNextPage]);
  useEffect(earlier, [earlier]);

  const rows = useMemo(() => {
    const by = new Map(messages.map((one) => [one.provider_id ?? one.id, one]));
    const { on, own } = reactions(messages);
    return lines.map((line): ReactNode => {
      if (line.kind === "activity")
        return (
          <Fragment key={line.activity.id}>
            {line.isNewDay && <Day at={line.at} />}
            <ActivityLine activity={line.activity} />
          </Fragment>
        );
      const { message, first, isNewDay } = line;
      return (
        <Fragment key={message.id}>
          {isNewDay && <Day at={message.sent_at} />}
          <Bubble
            message={message}
            conversation={id}
            customer={customer}
            first={first}
            quoted={message.reply_to ? (by.get(message.reply_to) ?? null) : undefined}
            reactions={message.provider_id ? on.get(message.provider_id) : undefined}
            own={message.provider_id ? own.get(message.provider_id) : undefined}
            quotable={writable && !!message.provider_id}
            found={found === message.id}
            quote={quote}
            why={why}
            find={find}
          />
        </Fragment>
      );
    });
  }, [lines, messages, id, customer, writable, found, quote, why, find]);
  const last = lines.at(-1);
  const speaker = last?.kind === "message" ? last.message.author : undefined;

  return (
    <div className={classes.middle}>
      <section
        className={classes.box}
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is to be scrolled with the keyboard.
        tabIndex={0}
        aria-label={t("messages")}
        onScroll={() => {
          onScroll();
          earlier();
        }}
      >
        <ol className={classes.messages}>
          {hasNextPage && (
            <li className={classes.event}>
              {isFetchNextPageError ? (
                <Failed error={query.error} again={() => void fetchNextPage()} />
              ) : (
                <>
                  <Loader size="xs" aria-hidden />
                  <VisuallyHidden>{t("earlier")}</VisuallyHidden>
                </>
              )}
            </li>
          )}
          {!hasNextPage && messages.length === 0 && waiting.length === 0 && (
            <li className={classes.event}>{t("silent")}</li>
          )}
          {rows}
          {waiting.map((one, at) => (
            <PendingBubble
              key={one.key}
              pending={one}
              first={at === 0 && speaker !== "person"}
              quoted={
                one.reply_to ? (messages.find((message) => message.id === one.reply_to) ?? null) : undefined
              }
            />
          ))}
        </ol>
      </section>
      {!atEnd && (
        <div className={classes.new}>
          <Button
            size="xs"
            radius="xl"
            variant={fresh > 0 ? "filled" : "default"}
            leftSection={<IconArrowDown size={15} aria-hidden />}
            onClick={toEnd}
          >
            {fresh > 0 ? t("fresh", { count: fresh }) : t("toEnd")}
          </Button>
        </div>
      )}
      <VisuallyHidden role="status" aria-live="polite">
        {said}
      </VisuallyHidden>
    </div>
  );
}
