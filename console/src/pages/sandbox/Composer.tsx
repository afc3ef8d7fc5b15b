// The field for the customer's message, typed or as a voice note.
import { ActionIcon, Box, Group, Text, Textarea, Tooltip } from "@mantine/core";
import { IconPlayerStopFilled, IconSend2, IconX } from "@tabler/icons-react";
import { type KeyboardEvent, type Ref, useState } from "react";
import { useTranslation } from "react-i18next";
import { Recorder } from "@/parts/Recorder";
import classes from "./Sandbox.module.css";
import type { Voice } from "./turn";

type Props = {
  ref?: Ref<HTMLTextAreaElement>;
  /** Whether a reply is being written. */
  writing: boolean;
  voice?: Voice;
  onVoice: (file: File | undefined) => void;
  onSend: (text: string) => void;
  onStop: () => void;
};

export function Composer({ ref, writing, voice, onVoice, onSend, onStop }: Props) {
  const { t, i18n } = useTranslation("sandbox");
  const [text, setText] = useState("");
  const [recording, setRecording] = useState(false);
  const ready = !writing && (text.trim() !== "" || !!voice);
  const send = () => {
    if (!ready) return;
    onSend(text.trim());
    setText("");
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <Box className={classes.composer}>
      {voice && <VoiceAttachment voice={voice} onRemove={() => onVoice(undefined)} />}
      <Group gap="xs" align="flex-end" wrap="nowrap">
        {!recording && (
          <Textarea
            ref={ref}
            aria-label={voice ? t("voice.caption") : t("conversation.message")}
            placeholder={voice ? t("voice.caption") : t("conversation.placeholder")}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={press}
            autosize
            minRows={1}
            maxRows={8}
            flex={1}
            dir="auto"
            enterKeyHint="send"
          />
        )}
        {!voice && <Recorder onFile={onVoice} onRecording={setRecording} disabled={writing} />}
        {!recording &&
          (writing ? (
            <Tooltip label={t("conversation.stop")}>
              <ActionIcon size="lg" variant="default" onClick={onStop} aria-label={t("conversation.stop")}>
                <IconPlayerStopFilled size={18} />
              </ActionIcon>
            </Tooltip>
          ) : (
            <Tooltip label={t("conversation.send")}>
              <ActionIcon size="lg" onClick={send} disabled={!ready} aria-label={t("conversation.send")}>
                <IconSend2 size={18} style={i18n.dir() === "rtl" ? { transform: "scaleX(-1)" } : undefined} />
              </ActionIcon>
            </Tooltip>
          ))}
      </Group>
      <Text size="xs" c="dimmed" mt={6} visibleFrom="sm">
        {t("conversation.keys")}
      </Text>
    </Box>
  );
}

function VoiceAttachment({ voice, onRemove }: { voice: Voice; onRemove: () => void }) {
  const { t } = useTranslation("sandbox");
  return (
    <Group gap="xs" mb="xs" wrap="nowrap">
      {/* biome-ignore lint/a11y/useMediaCaption: nobody has heard it yet. */}
      <audio
        src={voice.url}
        controls
        aria-label={t("voice.play")}
        style={{ height: 40, minWidth: 0, width: 280, maxWidth: "100%" }}
      />
      <Text size="xs" c="dimmed" truncate dir="ltr" miw={0}>
        {voice.file.name}
      </Text>
      <Tooltip label={t("voice.remove")}>
        <ActionIcon variant="subtle" color="gray" onClick={onRemove} aria-label={t("voice.remove")}>
          <IconX size={16} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
