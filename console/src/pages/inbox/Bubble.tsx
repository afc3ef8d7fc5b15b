// A message in the conversation: author, content, time, delivery state, and why the bot wrote it.
import { ActionIcon, Anchor, Text, VisuallyHidden } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { memo, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { authorIcon } from "@/parts/authorIcon";
import { useProblem } from "@/parts/States";
import { AttachedFile } from "./AttachedFile";
import { Content, EventText } from "./Content";
import { gist, isDeleted, isEvent } from "./messageParts";
import { useNote } from "./note";
import type { PendingMessage } from "./outbox";
import { ReactionPicker } from "./ReactionPicker";
import { RetryButton, Ticks } from "./State";
import { outbox } from "./sending";
import { TappableMessage } from "./TappableMessage";
import { TemplateMessage } from "./TemplateMessage";
import { contentOf } from "./tappable";
import type { Message } from "./thread";
import classes from "./thread.module.css";
import { Words } from "./Words";

type Author = Schemas["Author"];

function Label({ author, customer, seen }: { author: Author; customer: string; seen: boolean }) {
  const { t } = useTranslation("inbox");
  const Icon = authorIcon(author);
  const name = author === "customer" ? <bdi>{customer}</bdi> : t(`author.${author}`);
  if (!seen) return <VisuallyHidden>{name}</VisuallyHidden>;
  return (
    <span className={classes.label}>
      {author !== "customer" && <Icon size={14} aria-hidden />}
      {name}
    </span>
  );
}

/** Returns a function that says in one line what a message is. */
export function useSummary() {
  const { t } = useTranslation("inbox");
  return useCallback(
    (message: Message) =>
      [message.kind !== "text" && t(`kind.${message.kind}`), gist(message)].filter(Boolean).join(": "),
    [t],
  );
}

export function QuotedMessage({
  message,
  find,
}: {
  message: Message | undefined;
  find?: (id: string) => void;
}) {
  const { t } = useTranslation("inbox");
  const summary = useSummary();
  const text = message ? summary(message) : t("quote.earlier");
  if (!message || !find)
    return (
      <span className={classes.quoted} dir="auto">
        <span>{text}</span>
      </span>
    );
  return (
    <button
      type="button"
      className={classes.quoted}
      onClick={() => find(message.id)}
      aria-label={t("quote.of", { text })}
      dir="auto"
    >
      <span>{text}</span>
    </button>
  );
}

function DeletedText({ author }: { author: Author }) {
  const { t } = useTranslation("inbox");
  return (
    <Text size="sm" fs="italic">
      {t(author === "customer" ? "changed.deletedByCustomer" : "changed.deleted")}
    </Text>
  );
}

/** What a message said before it was edited. */
function FirstWords({ text }: { text: string }) {
  const { t } = useTranslation("inbox");
  return (
    <div className={classes.firstWords}>
      <Text size="xs" fw={600}>
        {t("changed.first")}
      </Text>
      <Words text={text} />
    </div>
  );
}

type EditedProps = { first?: string | null; open: boolean; toggle: () => void };

/** Says that a message was edited, and shows its first words on demand. */
function EditedMark({ first, open, toggle }: EditedProps) {
  const { t } = useTranslation("inbox");
  if (!first) return <span>{t("changed.edited")}</span>;
  return (
    <Anchor
      component="button"
      type="button"
      c="inherit"
      underline="always"
      aria-expanded={open}
      title={t("changed.show")}
      onClick={toggle}
    >
      {t("changed.edited")}
    </Anchor>
  );
}

type Props = {
  message: Message;
  conversation: string;
  /** The customer's display name. */
  customer: string;
  /** Whether it is the first of several messages in a row by its author. */
  first: boolean;
  /** The quoted message; `null` when it is not loaded. */
  quoted?: Message | null;
  reactions?: string;
  /** The business's own reaction among them. */
  own?: string;
  /** Whether it can be quoted. */
  quotable: boolean;
  found: boolean;
  quote: (message: Message) => void;
  why: (turn: string) => void;
  find: (id: string) => void;
};

export const Bubble = memo(function Bubble(props: Props) {
  const {
    message,
    conversation,
    customer,
    first,
    quoted,
    reactions,
    own,
    quotable,
    found,
    quote,
    why,
    find,
  } = props;
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const note = useNote()(message);
  const summary = useSummary();
  const [earlier, setEarlier] = useState(false);
  const deleted = isDeleted(message);
  const ours = message.direction === "out";
  const time = (
    <time dateTime={new Date(message.sent_at).toISOString()} title={format.full(message.sent_at)}>
      {format.clock(message.sent_at)}
    </time>
  );
  if (isEvent(message))
    return (
      <li className={classes.event} data-message={message.id}>
        <EventText message={message} /> · {time}
      </li>
    );
  const explained = message.turn_id && (message.author === "bot" || message.author === "notice");
  const unsettled = message.state === "failed" || message.state === "unknown";
  return (
    <li
      className={classes.message}
      data-message={message.id}
      data-author={message.author}
      data-out={ours || undefined}
      data-first={first || undefined}
      data-bare={message.kind === "sticker" || undefined}
      data-found={found || undefined}
    >
      <Label author={message.author} customer={customer} seen={first} />
      <div className={classes.held}>
        <div className={classes.bubble}>
          {quoted !== undefined && <QuotedMessage message={quoted ?? undefined} find={find} />}
          {deleted ? (
            <DeletedText author={message.author} />
          ) : (
            <Content message={message} conversation={conversation} />
          )}
          {earlier && message.original_text && <FirstWords text={message.original_text} />}
        </div>
        {quotable && !deleted && (
          <ActionIcon
            className={classes.quote}
            variant="subtle"
            color="gray"
            size="sm"
            onClick={() => quote(message)}
            aria-label={t("quote.do", { text: summary(message).slice(0, 60) })}
            title={t("quote.title")}
          >
            <IconArrowBackUp size={16} />
          </ActionIcon>
        )}
        {quotable && !ours && !deleted && (
          <ReactionPicker
            message={message}
            conversation={conversation}
            summary={summary(message).slice(0, 60)}
            own={own}
          />
        )}
      </div>
      {reactions && !deleted && (
        <span className={classes.reactions} role="img" aria-label={t("event.reaction", { emoji: reactions })}>
          {reactions}
        </span>
      )}
      <div className={classes.meta}>
        {time}
        {!!message.edited_at && (
          <EditedMark
            first={message.original_text}
            open={earlier}
            toggle={() => setEarlier((open) => !open)}
          />
        )}
        {ours && <Ticks state={message.state} />}
        {note && (
          <span className={message.state === "failed" ? classes.wrong : undefined}>
            {note.text}
            {note.words && (
              <bdi lang="en" dir="ltr">
                {note.text ? ` (${note.words})` : note.words}
              </bdi>
            )}
          </span>
        )}
        {ours && unsettled && <RetryButton message={message} conversation={conversation} />}
        {explained && (
          <Anchor
            component="button"
            c="inherit"
            underline="always"
            data-why={message.turn_id}
            onClick={() => message.turn_id && why(message.turn_id)}
          >
            {t("why.ask")}
          </Anchor>
        )}
      </div>
    </li>
  );
});

/** A message that the server has not confirmed yet. */
export function PendingBubble({
  pending,
  first,
  quoted,
}: {
  pending: PendingMessage;
  first: boolean;
  quoted?: Message | null;
}) {
  const { t } = useTranslation("inbox");
  const { t: common } = useTranslation();
  const worded = useProblem();
  const failed = pending.state === "failed";
  const tappable = pending.below && contentOf(pending.text, pending.below);
  return (
    <li
      className={classes.message}
      data-author="person"
      data-out
      data-pending={!failed || undefined}
      data-first={first || undefined}
    >
      <Label author="person" customer="" seen={first} />
      <div className={classes.held}>
        <div className={classes.bubble}>
          {quoted !== undefined && <QuotedMessage message={quoted ?? undefined} />}
          {pending.file && <AttachedFile {...pending.file} />}
          {pending.template ? (
            <TemplateMessage text={pending.text} buttons={pending.template.buttons} />
          ) : tappable ? (
            <TappableMessage content={tappable} />
          ) : (
            pending.text && (
              <div style={pending.file && { paddingBlockStart: 6 }}>
                <Words text={pending.text} />
              </div>
            )
          )}
        </div>
      </div>
      <div className={classes.meta}>
        {failed ? (
          <span className={classes.wrong} role="alert" data-state="unsent">
            {pending.lost && !pending.error ? (
              t(`unsent.lost.${pending.lost}`)
            ) : pending.slow ? (
              t("unsent.slow")
            ) : (
              <>
                {t("unsent.failed")} <bdi>{pending.error && worded(pending.error, pending.code)}</bdi>
              </>
            )}
          </span>
        ) : pending.stuck ? (
          <span className={classes.doubt} data-state="waiting">
            {t("unsent.waiting")}
          </span>
        ) : (
          <Ticks state={pending.state} />
        )}
        {failed && !pending.lost && (
          <Anchor component="button" c="inherit" underline="always" onClick={() => outbox.again(pending.key)}>
            {common("action.retry")}
          </Anchor>
        )}
        {(failed || pending.stuck) && pending.state !== "sending" && (
          <Anchor
            component="button"
            c="inherit"
            underline="always"
            onClick={() => outbox.discard(pending.key)}
          >
            {t("unsent.discard")}
          </Anchor>
        )}
      </div>
    </li>
  );
}
