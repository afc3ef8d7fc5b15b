// A conversation in the list. It uses plain elements: hundreds of rows are drawn while scrolling.
import { IconAlertTriangle, IconHelpCircle, IconLock, IconRobot, IconUser } from "@tabler/icons-react";
import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";
import { customerName } from "@/parts/customer";
import { plain } from "@/parts/whatsapp";
import { type Conversation, foundIn, isPhone } from "./filter";
import classes from "./inbox.module.css";

type Owner = Schemas["Owner"];
const ownerIcons: Record<Owner, typeof IconUser> = {
  bot: IconRobot,
  person: IconUser,
  nobody: IconLock,
};
export const ownerIcon = (owner: Owner) => known(ownerIcons, owner, IconHelpCircle);

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
function Found({ text, q }: { text: string; q: string }) {
  return foundIn(text, q).map((piece, at) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of a text do not change places.
    piece.found ? <mark key={at}>{piece.text}</mark> : piece.text,
  );
}

type Props = {
  one: Conversation;
  /** What is searched for. */
  q: string;
  open: boolean;
  /** Whether the row is in the tab order. */
  reachable: boolean;
  /** Whether to show the number. */
  several: boolean;
  /** The query string of the row's address. */
  tail: string;
  words: ReturnType<typeof useRowWords>;
};

export const Row = memo(function Row({ one, q, open, reachable, several, tail, words }: Props) {
  const { t, format, nameOf, lastOf } = words;
  const Owner = ownerIcon(one.owner);
  // What was found stands in place of the newest message, and the phone where it is what was found.
  const found = q ? one.found_text : undefined;
  const phone = q && one.contact_name && isPhone(one, q) ? `+${one.wa_id}` : undefined;
  const failed =
    !found && one.last_author !== "customer" && (one.last_state === "failed" || one.last_state === "unknown")
      ? one.last_state
      : undefined;
  return (
    <a
      href={`/inbox/${encodeURIComponent(one.id)}${tail}`}
      className={classes.row}
      aria-current={open ? "true" : undefined}
      data-id={one.id}
      data-unread={one.unread > 0 || undefined}
      tabIndex={reachable ? 0 : -1}
    >
      <span className={classes.name} dir="auto">
        <Found text={nameOf(one)} q={q} />
      </span>
      <time
        className={classes.when}
        dateTime={new Date(one.last_message_at).toISOString()}
        title={format.full(one.last_message_at)}
      >
        {format.brief(one.last_message_at)}
      </time>
      <span className={classes.line}>
        {failed ? (
          <IconAlertTriangle size={15} aria-label={t(`state.${failed}`)} />
        ) : (
          !found && one.last_author === "bot" && <IconRobot size={15} aria-label={t("author.bot")} />
        )}
        {one.last_author === "person" && !failed && !found && (
          <IconUser size={15} aria-label={t("author.person")} />
        )}
        {phone && (
          <mark className={classes.phone} dir="ltr">
            {phone}
          </mark>
        )}
        <span className={classes.last} dir="auto">
          <Found text={found ? plain(found) : lastOf(one)} q={q} />
        </span>
      </span>
      <span className={classes.marks}>
        {several && <span className={classes.tag}>{one.number_slug}</span>}
        {one.waiting && (
          <span className={classes.wait} title={t("show.waiting")}>
            <span className={classes.said}>{t("show.waiting")}</span>
          </span>
        )}
        {one.owner !== "bot" && !one.waiting && <Owner size={15} aria-label={t(`owner.${one.owner}`)} />}
        {one.unread > 0 && (
          <span className={classes.count}>
            <span aria-hidden>{one.unread > 99 ? "99+" : format.count(one.unread)}</span>
            <span className={classes.said}>{t("unread", { count: one.unread })}</span>
          </span>
        )}
      </span>
    </a>
  );
});
