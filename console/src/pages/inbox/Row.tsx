// A conversation in the list. It uses plain elements: hundreds of rows are drawn while scrolling.
import { IconAlertTriangle } from "@tabler/icons-react";
import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { Avatar } from "@/parts/Avatar";
import { authorIcon } from "@/parts/authorIcon";
import { customerName } from "@/parts/customer";
import { plain } from "@/parts/whatsapp";
import { type Conversation, foundIn, isPhone } from "./filter";
import classes from "./inbox.module.css";
import { Status } from "./Status";
import { statusOf } from "./standing";

/** Texts and formats for all rows, created once because thousands of rows are drawn while scrolling. */
export function useRowWords() {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const nameOf = useNameOf();
  const lastOf = useLastOf();
  // biome-ignore lint/correctness/useExhaustiveDependencies: both functions depend on the language alone.
  return useMemo(() => ({ t, format, nameOf, lastOf }), [t, format]);
}

/** Returns a function that names a customer. */
export function useNameOf() {
  const { t } = useTranslation("inbox");
  return (one: Conversation | undefined) => customerName(one ?? {}, t("nameless"));
}

/** Returns a function that summarises the newest message. */
export function useLastOf() {
  const { t } = useTranslation("inbox");
  return ({ last_kind, last_text }: Conversation): string => {
    const name = last_kind && last_kind !== "text" ? t(`kind.${last_kind}`) : "";
    return [name, plain(last_text ?? "")].filter(Boolean).join(": ");
  };
}

/** A text in which what is searched for is marked. */
function MarkedText({ text, q }: { text: string; q: string }) {
  return foundIn(text, q).map((piece, at) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a text do not change places.
    piece.found ? <mark key={at}>{piece.text}</mark> : piece.text,
  );
}

/** What the row quotes: what was found, else what a waiting customer wrote, else the newest message. */
function quoteOf(one: Conversation, q: string) {
  const found = q ? one.found_text : undefined;
  if (found) return { text: plain(found) };
  const isOurs = one.last_author !== "customer";
  const state = one.last_state;
  const failed = isOurs && (state === "failed" || state === "unknown") ? state : undefined;
  // A message that did not arrive is what whoever looks at the list has to know.
  if (one.waiting_text && !failed) return { text: plain(one.waiting_text) };
  return { failed, author: isOurs ? one.last_author : undefined };
}

function LastMessage({ one, q, words }: Pick<Props, "one" | "q" | "words">) {
  const { t, lastOf } = words;
  const { text = lastOf(one), failed, author } = quoteOf(one, q);
  const Author = author && authorIcon(author);
  // The phone, where it is what was found.
  const phone = q && one.contact_name && isPhone(one, q) ? `+${one.wa_id}` : undefined;
  return (
    <span className={classes.line}>
      {failed ? (
        <IconAlertTriangle className={classes.failed} size={15} aria-label={t(`state.${failed}`)} />
      ) : (
        Author && <Author size={15} data-author={author} aria-label={t(`author.${author}`)} />
      )}
      {phone && (
        <mark className={classes.phone} dir="ltr">
          {phone}
        </mark>
      )}
      <span className={classes.last} dir="auto">
        <MarkedText text={text} q={q} />
      </span>
    </span>
  );
}

type Props = {
  one: Conversation;
  /** What is searched for. */
  q: string;
  open: boolean;
  /** Whether the row is in the tab order. */
  reachable: boolean;
  /** The number's name, where there are several. */
  number?: string;
  /** How long the customer waits for a person, in words. */
  waited?: string;
  /** The query string of the row's address. */
  tail: string;
  words: ReturnType<typeof useRowWords>;
};

export const Row = memo(function Row({ one, q, open, reachable, number, waited, tail, words }: Props) {
  const { t, format, nameOf } = words;
  const name = nameOf(one);
  const status = statusOf(one);
  return (
    <a
      href={`/inbox/${encodeURIComponent(one.id)}${tail}`}
      className={classes.row}
      aria-current={open ? "true" : undefined}
      data-id={one.id}
      data-unread={one.unread > 0 || undefined}
      tabIndex={reachable ? 0 : -1}
    >
      <Avatar id={one.contact_id} name={name} />
      <span className={classes.name} dir="auto">
        <MarkedText text={name} q={q} />
      </span>
      <time
        className={classes.when}
        dateTime={new Date(one.last_message_at).toISOString()}
        title={format.full(one.last_message_at)}
      >
        {format.brief(one.last_message_at)}
      </time>
      <LastMessage one={one} q={q} words={words} />
      <span className={classes.marks}>
        {one.unread > 0 && (
          <span className={classes.count}>
            <span aria-hidden>{one.unread > 99 ? "99+" : format.count(one.unread)}</span>
            <span className={classes.said}>{t("unread", { count: one.unread })}</span>
          </span>
        )}
      </span>
      <span className={classes.state}>
        <Status status={status} label={t(`status.${status}`)} waited={waited} />
        {number && (
          <span className={classes.tag} dir="auto">
            {number}
          </span>
        )}
      </span>
    </a>
  );
});
