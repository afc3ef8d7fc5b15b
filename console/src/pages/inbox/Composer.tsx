// The message field: Enter sends, Shift+Enter starts a new line. The draft is kept until it is sent. With a file, the
// text is its caption.
import { ActionIcon, Alert, Button, CloseButton, Group, Text, Textarea, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBan, IconClockOff, IconHandClick, IconSend2, IconTemplate } from "@tabler/icons-react";
import { type ClipboardEvent, type KeyboardEvent, type RefObject, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { lazyDialog } from "@/parts/lazyDialog";
import { AttachButton, AttachmentChip } from "./AttachedFile";
import { type Attachment, pastedFile, takesCaption } from "./attachment";
import { QuotedMessage } from "./Bubble";
import { useDraft } from "./draft";
import type { Conversation } from "./filter";
import { lengthOf } from "./length";
import { sendMessage, sendTappable } from "./sending";
import { kindOf, type Tappable, takesText } from "./tappable";
import type { Message } from "./thread";
import classes from "./thread.module.css";
import type { Window } from "./window";

type ClosedReason = Exclude<Window["kind"], "open" | "free"> | "staff";
type ClosedNoticeProps = {
  which: ClosedReason;
  name: string;
  conversation: Conversation;
  /** The button that opens the templates. */
  opener: RefObject<HTMLButtonElement | null>;
  open: () => void;
};

const TemplateDialog = lazyDialog(async () => (await import("./TemplateDialog")).TemplateDialog);
const ButtonsDialog = lazyDialog(async () => (await import("./ButtonsDialog")).ButtonsDialog);

/** Why nobody can write now, and the template that still reaches the customer. */
function ClosedNotice({ which, name, conversation, opener, open }: ClosedNoticeProps) {
  const { t } = useTranslation("inbox");
  const optedOut = which === "optedOut";
  const takesTemplate = !optedOut && !conversation.staff;
  return (
    <Alert
      color={optedOut ? "red" : "orange"}
      icon={optedOut ? <IconBan aria-hidden /> : <IconClockOff aria-hidden />}
      title={t(`closed.${which}.title`, { name })}
    >
      <Text size="sm">{t(`closed.${which}.about`, { name })}</Text>
      {takesTemplate && (
        <Button
          ref={opener}
          size="xs"
          variant="default"
          mt="xs"
          leftSection={<IconTemplate size={16} aria-hidden />}
          onClick={open}
        >
          {t("closed.template")}
        </Button>
      )}
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
  attachment: Attachment;
};

export function Composer(props: Props) {
  const { conversation, name, window, field } = props;
  const draft = useDraft(conversation.id);
  const [opened, { open, close }] = useDisclosure();
  const opener = useRef<HTMLButtonElement>(null);
  const closeTemplates = () => {
    close();
    (field.current ?? opener.current)?.focus();
  };
  return (
    <>
      {window.kind === "open" || window.kind === "free" ? (
        <MessageField {...props} draft={draft} />
      ) : (
        <footer className={classes.foot}>
          <ClosedNotice
            which={conversation.staff && window.kind === "never" ? "staff" : window.kind}
            name={name}
            conversation={conversation}
            opener={opener}
            open={open}
          />
        </footer>
      )}
      {/* What is typed into it stays when the window opens or closes meanwhile. */}
      <TemplateDialog conversation={conversation} window={window} opened={opened} onClose={closeTemplates} />
    </>
  );
}

type MessageFieldProps = Omit<Props, "window"> & { draft: ReturnType<typeof useDraft> };

function MessageField({
  conversation,
  name,
  field,
  quoting,
  unquote,
  attachment,
  draft: [text, setText],
}: MessageFieldProps) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const words = text.trim();
  const { file, attach, remove } = attachment;
  const isCaption = !!file && takesCaption(file);
  const { left, isNear } = lengthOf(words, isCaption);
  const isReady = (!!words || !!file) && left >= 0;
  const send = () => {
    if (!isReady) return;
    sendMessage(conversation.id, words, quoting?.id, file);
    setText("");
    unquote();
    remove();
    field.current?.focus();
  };
  const [buttons, { open: addButtons, close: closeButtons }] = useDisclosure();
  const sendButtons = (below: Tappable) => {
    // A place has no text: what was typed stays.
    const kind = kindOf(below);
    const isText = !!kind && takesText(kind);
    sendTappable(conversation.id, isText ? words : "", below, quoting?.id);
    if (isText) setText("");
    unquote();
    closeButtons();
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Enter that ends an IME composition does not send; some browsers report it only by the key code 229.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (file) remove();
      else if (quoting) unquote();
      else event.currentTarget.blur();
    }
  };
  const paste = (event: ClipboardEvent) => {
    const pasted = pastedFile(event.clipboardData);
    if (!pasted) return;
    event.preventDefault();
    attach([pasted]);
  };
  const placeholder =
    conversation.owner === "person" || conversation.staff ? t("write.person") : t("write.bot");
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
      {file && (
        <AttachmentChip
          file={file}
          remove={() => {
            remove();
            field.current?.focus();
          }}
        />
      )}
      <Group gap="xs" wrap="nowrap" align="flex-end">
        <AttachButton attach={attach} />
        <Tooltip label={t("buttons.add")}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            onClick={addButtons}
            disabled={!!file}
            aria-label={t("buttons.add")}
          >
            <IconHandClick size={20} />
          </ActionIcon>
        </Tooltip>
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
          onPaste={paste}
          placeholder={isCaption ? t("attach.caption") : placeholder}
          aria-label={t("write.label", { name })}
          error={left < 0 ? t("write.long", { count: -left, shown: format.count(-left) }) : undefined}
        />
        <Tooltip label={t("write.send")}>
          <ActionIcon size={36} onClick={send} disabled={!isReady} aria-label={t("write.send")}>
            <IconSend2 size={18} className={classes.mirrored} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <ButtonsDialog
        opened={buttons}
        onClose={closeButtons}
        text={text}
        setText={setText}
        send={sendButtons}
      />
      {isNear && (
        <Text size="xs" mt={4} className={classes.facts}>
          {t("write.left", { count: left, shown: format.count(left) })}
        </Text>
      )}
    </footer>
  );
}
