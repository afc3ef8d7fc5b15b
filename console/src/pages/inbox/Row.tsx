// A conversation in the list. Plain elements: hundreds of these pass by while someone scrolls.
import { VisuallyHidden } from "@mantine/core";
import { IconAlertTriangle, IconLock, IconRobot, IconUser } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import type { Conversation } from "./filter";
import classes from "./inbox.module.css";

const keepSearch = (old: object) => ({ ...old, trace: undefined });
const owners = { bot: IconRobot, person: IconUser, nobody: IconLock } as const;

/** What a customer is called. */
export function useNameOf() {
  const { t } = useTranslation("inbox");
  return (one: Conversation | undefined) =>
    one?.contact_name || (one?.wa_id ? `+${one.wa_id}` : t("nameless"));
}

/** The newest message in a few words. */
export function useLastOf() {
  const { t } = useTranslation("inbox");
  return (one: Conversation): string => {
    const kind = one.last_kind ?? "";
    const name = kind && kind !== "text" ? t(`kind.${kind}` as "kind.voice", { defaultValue: kind }) : "";
    return [name, one.last_text].filter(Boolean).join(": ");
  };
}

type Props = {
  one: Conversation;
  open: boolean;
  /** Whether Tab comes to it. */
  reachable: boolean;
  /** Whether the number is to be told. */
  several: boolean;
};

export const Row = memo(function Row({ one, open, reachable, several }: Props) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const name = useNameOf()(one);
  const last = useLastOf()(one);
  const Owner = owners[one.owner as keyof typeof owners] ?? IconUser;
  const failed =
    one.last_author !== "customer" && (one.last_state === "failed" || one.last_state === "unknown");
  return (
    <Link
      to="/inbox/$id"
      params={{ id: one.id }}
      search={keepSearch}
      preload={false}
      className={classes.row}
      aria-current={open ? "true" : undefined}
      data-id={one.id}
      data-unread={one.unread > 0 || undefined}
      tabIndex={reachable ? 0 : -1}
    >
      <span className={classes.name} dir="auto">
        {name}
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
          <IconAlertTriangle size={15} aria-label={t(`state.${one.last_state}` as "state.failed")} />
        ) : (
          one.last_author === "bot" && <IconRobot size={15} aria-label={t("author.bot")} />
        )}
        {one.last_author === "person" && !failed && <IconUser size={15} aria-label={t("author.person")} />}
        <span className={classes.last} dir="auto">
          {last}
        </span>
      </span>
      <span className={classes.marks}>
        {several && <span className={classes.tag}>{one.number_slug}</span>}
        {one.waiting && (
          <span className={classes.wait} title={t("show.waiting")}>
            <VisuallyHidden>{t("show.waiting")}</VisuallyHidden>
          </span>
        )}
        {one.owner !== "bot" && !one.waiting && (
          <Owner size={15} aria-label={t(`owner.${one.owner}` as "owner.person")} />
        )}
        {one.unread > 0 && (
          <span className={classes.count}>
            <span aria-hidden>{one.unread > 99 ? "99+" : format.count(one.unread)}</span>
            <VisuallyHidden>{t("unread", { count: one.unread })}</VisuallyHidden>
          </span>
        )}
      </span>
    </Link>
  );
});
