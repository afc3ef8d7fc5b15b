// The message field: Enter sends, Shift+Enter starts a new line. The draft is kept until it is sent.
import { ActionIcon, Alert, CloseButton, Group, Text, Textarea, Tooltip } from "@mantine/core";
import { IconBan, IconClockOff, IconSend2 } from "@tabler/icons-react";
import type { KeyboardEvent, RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { QuotedMessage } from "./Bubble";
import { useDraft } from "./draft";
import type { Conversation } from "./filter";
import { outbox } from "./sending";
import type { Message } from "./thread";
import classes from "./thread.module.css";
import type { Window } from "./window";

/** WhatsApp's limit for one message, in characters. */
const LONGEST = 4_096;
/** From this length on, the remaining characters are shown. */
const LONG = 3_600;

type ClosedReason = Exclude<Window["kind"], "open" | "free"> | "staff";

function ClosedNotice({ which, name }: { which: ClosedReason; name: string }) {
  const { t } = useTranslation("inbox");
  const optedOut = which === "optedOut";
  return (
    <Alert
      color={optedOut ? "red" : "orange"}
      icon={optedOut ? <IconBan aria-hidden /> : <IconClockOff aria-hidden />}
      title={t(`closed.${which}.title`, { name })}
    >
      <Text size="sm">{t(`closed.${which}.about`, { name })}</Text>
    </Alert>
  );
}

type Props = {
  conversation: Conversation;
  name: string;
  window: Window;
  field: RefObject<HTMLTextAreaElement | null>;
  quoting: Message | undefined;
  unquote: () => void;
};

export function Composer({ conversation, name, window, field, quoting, unquote }: Props) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const [text, setText] = useDraft(conversation.id);
  const words = text.trim();
  const left = LONGEST - [...words].length;
  if (window.kind !== "open" && window.kind !== "free")
    return (
      <footer className={classes.foot}>
        <ClosedNotice
          which={conversation.staff && window.kind === "never" ? "staff" : window.kind}
          name={name}
        />
      </footer>
    );
  const send = () => {
    if (!words || left < 0) return;
    outbox.write(conversation.id, words, quoting?.id);
    setText("");
    unquote();
    field.current?.focus();
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Enter that ends an IME composition does not send; some browsers report it only by the key code 229.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (quoting) unquote();
      else event.currentTarget.blur();
    }
  };
  return (
    <footer className={classes.foot}>
      {quoting && (
        <Group gap="xs" wrap="nowrap" mb={6}>
          <div style={{ flex: 1, minWidth: 0 }}>
            <QuotedMessage message={quoting} />
          </div>
          <CloseButton size="sm" onClick={unquote} aria-label={t("quote.remove")} />
        </Group>
      )}
      <Group gap="xs" wrap="nowrap" align="flex-end">
        <Textarea
          ref={field}
          flex={1}
          autosize
          minRows={1}
          maxRows={8}
          dir="auto"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={press}
          placeholder={
            conversation.owner === "person" || conversation.staff ? t("write.person") : t("write.bot")
          }
          aria-label={t("write.label", { name })}
          error={left < 0 ? t("write.long", { count: -left, shown: format.count(-left) }) : undefined}
        />
        <Tooltip label={t("write.send")}>
          <ActionIcon size={36} onClick={send} disabled={!words || left < 0} aria-label={t("write.send")}>
            <IconSend2 size={18} className={classes.mirrored} />
          </ActionIcon>
        </Tooltip>
      </Group>
      {left >= 0 && left < LONGEST - LONG && (
        <Text size="xs" mt={4} className={classes.facts}>
          {t("write.left", { count: left, shown: format.count(left) })}
        </Text>
      )}
    </footer>
  );
}
