// Records a voice note with level and time, or takes a dropped or chosen audio file.
import { ActionIcon, FileButton, Group, Progress, Text, Tooltip } from "@mantine/core";
import { IconCheck, IconFileMusic, IconMicrophone, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useDroppedFiles } from "./droppedFiles";
import { clock, useRecording } from "./recording";
import { useSay } from "./say";

/** Whether a file may be audio: browsers do not recognise every format that customers send. */
export function isSound(file: File): boolean {
  return (
    /^(audio|video)\//.test(file.type) ||
    /\.(ogg|oga|opus|mp3|m4a|aac|amr|wav|flac|webm|mp4)$/i.test(file.name)
  );
}

type Props = {
  /** Called with the recording or the chosen file. */
  onFile: (file: File) => void;
  disabled?: boolean;
  /** Called when recording starts and ends, so that the parent can make room. */
  onRecording?: (on: boolean) => void;
};

/** Buttons to record and to choose a file; while recording: level, time, discard and done. */
export function Recorder({ onFile, disabled, onRecording }: Props) {
  const { t } = useTranslation("sandbox");
  const say = useSay();
  const recording = useRecording(onFile, onRecording);
  const start = async () => {
    const wrong = await recording.start();
    if (wrong) say.failed(new Error(t(`voice.${wrong}`)));
  };
  if (recording.on)
    return (
      <Group gap="xs" wrap="nowrap" role="group" aria-label={t("voice.recording")} flex={1}>
        <Tooltip label={t("voice.discard")}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            onClick={recording.discard}
            aria-label={t("voice.discard")}
          >
            <IconTrash size={20} />
          </ActionIcon>
        </Tooltip>
        <Progress
          value={recording.level * 100}
          flex={1}
          size="md"
          color="red"
          aria-label={t("voice.level")}
          transitionDuration={80}
        />
        <Text size="sm" ff="monospace" dir="ltr" role="timer" aria-label={t("voice.time")}>
          {clock(recording.seconds)}
        </Text>
        <Tooltip label={t("voice.stop")}>
          <ActionIcon color="red" size="lg" onClick={recording.stop} aria-label={t("voice.stop")} autoFocus>
            <IconCheck size={20} />
          </ActionIcon>
        </Tooltip>
      </Group>
    );
  return (
    <Group gap={4} wrap="nowrap">
      <FileButton
        onChange={(file) => file && onFile(file)}
        accept="audio/*,video/mp4,.ogg,.opus,.amr,.m4a"
        disabled={disabled}
      >
        {(props) => (
          <Tooltip label={t("voice.choose")}>
            <ActionIcon
              {...props}
              variant="subtle"
              color="gray"
              size="lg"
              disabled={disabled}
              aria-label={t("voice.choose")}
            >
              <IconFileMusic size={20} />
            </ActionIcon>
          </Tooltip>
        )}
      </FileButton>
      <Tooltip label={t("voice.record")}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          disabled={disabled}
          onClick={() => void start()}
          aria-label={t("voice.record")}
        >
          <IconMicrophone size={20} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}

/** Props that make an element accept dropped audio files. `over`: a file is dragged over it. */
export function useDroppedSound(onFile: (file: File) => void, refused: () => void) {
  return useDroppedFiles((files) => {
    const file = files.find(isSound);
    if (file) onFile(file);
    else refused();
  });
}
