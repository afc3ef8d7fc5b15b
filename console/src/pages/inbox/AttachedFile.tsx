// A file that a person sends, before the server has it: above the message field, and in the conversation.
import { ActionIcon, CloseButton, FileButton, Group, Text, Tooltip } from "@mantine/core";
import { IconFile, IconMusic, IconPaperclip, IconPhoto, IconUpload, IconVideo } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import classes from "./AttachedFile.module.css";
import type { PendingFile } from "./outbox";

/**
 * What WhatsApp takes, for the browser's dialog: an iPhone then gives a picture as JPEG. The server decides by the bytes.
 */
const TYPES =
  "image/jpeg,image/png,video/mp4,video/3gpp,audio/*,.ogg,.opus,.amr,.m4a,.pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt,.csv";

const icons = { image: IconPhoto, video: IconVideo, audio: IconMusic };
const isMedia = (kind: string): kind is keyof typeof icons => kind in icons;

/** The picture itself; an icon for any other file, and for a picture that this browser cannot show. */
function Preview({ type, data }: Pick<PendingFile, "type" | "data">) {
  const [kind = ""] = type.split("/");
  const [url, setUrl] = useState<string>();
  const picture = kind === "image" ? data : undefined;
  useEffect(() => {
    if (!picture) return;
    const made = URL.createObjectURL(picture);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
      setUrl(undefined);
    };
  }, [picture]);
  if (url) return <img src={url} alt="" className={classes.preview} onError={() => setUrl(undefined)} />;
  const Icon = isMedia(kind) ? icons[kind] : IconFile;
  return <Icon size={26} stroke={1.5} aria-hidden style={{ flex: "none" }} />;
}

/** A file's picture or icon, name and size. */
export function AttachedFile({ name, size, type, data }: PendingFile) {
  const format = useFormat();
  return (
    <Group gap="xs" wrap="nowrap" miw={0}>
      <Preview type={type} data={data} />
      <div style={{ minWidth: 0 }}>
        <Text size="sm" fw={600} lineClamp={2} dir="auto" className={classes.name}>
          {name}
        </Text>
        <Text size="xs">{format.size(size)}</Text>
      </div>
    </Group>
  );
}

/** The file that goes with the message that is being written. */
export function AttachmentChip({ file, remove }: { file: File; remove: () => void }) {
  const { t } = useTranslation("inbox");
  return (
    <div>
      <Group className={classes.attached} gap="xs" wrap="nowrap" role="group" aria-label={t("attach.file")}>
        <AttachedFile name={file.name} size={file.size} type={file.type} data={file} />
        <CloseButton size="sm" onClick={remove} aria-label={t("attach.remove")} />
      </Group>
    </div>
  );
}

export function AttachButton({ attach }: { attach: (files: File[]) => void }) {
  const { t } = useTranslation("inbox");
  return (
    // Its value stays empty, so that the same file can be chosen again after it was removed.
    <FileButton onChange={(file) => file && attach([file])} accept={TYPES} inputProps={{ value: "" }}>
      {(props) => (
        <Tooltip label={t("attach.choose")}>
          <ActionIcon {...props} variant="subtle" color="gray" size={36} aria-label={t("attach.choose")}>
            <IconPaperclip size={20} />
          </ActionIcon>
        </Tooltip>
      )}
    </FileButton>
  );
}

/** Covers the conversation while a file is dragged over it. Hidden from screen readers: a button does the same. */
export function DropHint() {
  const { t } = useTranslation("inbox");
  return (
    <div className={classes.dropHint} aria-hidden>
      <IconUpload size={32} stroke={1.5} />
      {t("attach.drop")}
    </div>
  );
}
