// A voice note with its player, transcript and confidence; a person can correct the transcript.
import { Button, Group, Text, Textarea } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useReason } from "@/parts/States";
import { VoicePlayer } from "@/parts/VoicePlayer";
import { Video } from "./Files";
import { fileOf, recordingOf } from "./messageParts";
import { type Message, put } from "./thread";
import classes from "./thread.module.css";
import { Words } from "./Words";

/** Below this confidence the transcript probably has errors. */
const DOUBTFUL = 0.6;

function CorrectionForm({
  message,
  conversation,
  close,
}: {
  message: Message;
  conversation: string;
  close: () => void;
}) {
  const { t } = useTranslation("inbox");
  const { t: common } = useTranslation();
  const reason = useReason();
  const [text, setText] = useState(message.transcript ?? "");
  const save = useMutation({
    mutationFn: () =>
      api.PUT("/api/v1/messages/{id}/transcript", {
        params: { path: { id: message.id } },
        body: { text: text.trim() },
      }),
    onSuccess: ({ data }) => {
      if (data) put(conversation, data);
      close();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) save.mutate();
      }}
    >
      <Textarea
        aria-label={t("voice.said")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && !event.nativeEvent.isComposing) close();
        }}
        error={save.error ? reason(save.error) : undefined}
        autosize
        minRows={2}
        maxRows={8}
        dir="auto"
        autoFocus
      />
      <Group gap="xs" mt={6}>
        <Button type="submit" size="compact-sm" loading={save.isPending} disabled={!text.trim()}>
          {common("action.save")}
        </Button>
        <Button size="compact-sm" variant="default" onClick={close}>
          {common("action.cancel")}
        </Button>
      </Group>
    </form>
  );
}

function Transcript({ message, conversation }: { message: Message; conversation: string }) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const [correcting, setCorrecting] = useState(false);
  const { confidence, corrected_at } = message.heard ?? {};
  if (correcting)
    return (
      <CorrectionForm message={message} conversation={conversation} close={() => setCorrecting(false)} />
    );
  const sure = confidence != null && !corrected_at;
  return (
    <>
      {message.transcript && <Words text={message.transcript} />}
      <Group gap={8}>
        {!message.transcript && <Text size="xs">{t("voice.nothing")}</Text>}
        {corrected_at && <Text size="xs">{t("voice.corrected")}</Text>}
        {sure && (
          <Text size="xs" className={confidence < DOUBTFUL ? classes.doubt : undefined}>
            {t(confidence < DOUBTFUL ? "voice.unsure" : "voice.sure", { share: format.share(confidence) })}
          </Text>
        )}
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          c="inherit"
          leftSection={<IconPencil size={13} aria-hidden />}
          onClick={() => setCorrecting(true)}
        >
          {t(message.transcript ? "voice.correct" : "voice.write")}
        </Button>
      </Group>
    </>
  );
}

type Props = { message: Message; kind: Schemas["MediaKind"]; conversation: string };

export function Recording({ message, kind, conversation }: Props) {
  const { t } = useTranslation("inbox");
  const video = kind === "video";
  return (
    <div style={{ display: "grid", gap: 6 }}>
      {video ? (
        <Video message={message} />
      ) : (
        <VoicePlayer
          // Only what customers say is stored as a recording.
          src={message.direction === "in" ? [recordingOf(message), fileOf(message)] : fileOf(message)}
          seconds={message.heard?.seconds ?? undefined}
          label={t(`kind.${kind}`)}
        />
      )}
      {message.text && <Words text={message.text} />}
      {message.direction === "in" && (!video || message.transcript) && (
        <Transcript message={message} conversation={conversation} />
      )}
    </div>
  );
}
