// A message's files: images are shown and open larger; everything else can be downloaded.
import { Anchor, Group, Modal, Text, UnstyledButton } from "@mantine/core";
import { IconFile, IconPhotoOff, IconVideo } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { fileOf } from "./messageParts";
import type { Message } from "./thread";
import classes from "./thread.module.css";

/** The size of a file that is stored, or why it is not. */
export function FileNote({ file }: { file: Message["media"] }) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  if (!file?.state) return null;
  const size = typeof file.size === "number" ? format.size(file.size) : undefined;
  const note = file.state === "stored" ? size : t(`fileState.${file.state}`);
  return (
    <Text size="xs" title={file.reason ?? undefined}>
      {note}
    </Text>
  );
}

export function File({ message }: { message: Message }) {
  const { t } = useTranslation("inbox");
  const { name, mime_type: mime, kind } = message.media ?? {};
  const Icon = kind === "video" ? IconVideo : IconFile;
  return (
    <Group gap="xs" wrap="nowrap">
      <Icon size={26} stroke={1.5} aria-hidden style={{ flex: "none" }} />
      <div style={{ minWidth: 0 }}>
        <Anchor
          href={fileOf(message)}
          download={name ?? ""}
          size="sm"
          fw={600}
          c="inherit"
          underline="always"
        >
          <bdi>{name || t(`kind.${kind ?? "document"}`)}</bdi>
        </Anchor>
        <Text size="xs" dir="ltr" ta="start">
          {mime?.split(";")[0]}
        </Text>
        <FileNote file={message.media} />
      </div>
    </Group>
  );
}

/** Plays in the page; the file is fetched when it is first played. Below it, it can be downloaded. */
export function Video({ message }: { message: Message }) {
  const { t } = useTranslation("inbox");
  const { t: common } = useTranslation();
  const [broken, setBroken] = useState(false);
  return (
    <>
      {broken ? (
        <Text size="sm" role="alert">
          {common("voice.unplayable")}
        </Text>
      ) : (
        // biome-ignore lint/a11y/useMediaCaption: it has no captions; what a customer said is below it.
        <video
          className={classes.video}
          src={fileOf(message)}
          controls
          preload="none"
          playsInline
          aria-label={t("kind.video")}
          onError={() => setBroken(true)}
        />
      )}
      <File message={message} />
    </>
  );
}

export function Picture({ message }: { message: Message }) {
  const { t } = useTranslation("inbox");
  const { t: common } = useTranslation();
  const [broken, setBroken] = useState(false);
  const [large, setLarge] = useState(false);
  const sticker = message.kind === "sticker";
  const about = message.text || t(sticker ? "kind.sticker" : "kind.image");
  if (broken)
    return (
      <Group gap="xs" wrap="nowrap" p="xs">
        <IconPhotoOff size={22} aria-hidden />
        <div>
          <Text size="sm">{t(message.direction === "in" ? "media.gone" : "media.unshown")}</Text>
          <FileNote file={message.media} />
          <Group gap="sm">
            <Anchor
              component="button"
              size="xs"
              c="inherit"
              underline="always"
              onClick={() => setBroken(false)}
            >
              {common("action.retry")}
            </Anchor>
            <Anchor
              href={fileOf(message)}
              target="_blank"
              rel="noopener noreferrer"
              size="xs"
              c="inherit"
              underline="always"
            >
              {t("media.why")}
            </Anchor>
          </Group>
        </div>
      </Group>
    );
  const image = <img src={fileOf(message)} alt={about} loading="lazy" onError={() => setBroken(true)} />;
  if (sticker) return <div className={classes.sticker}>{image}</div>;
  return (
    <>
      <UnstyledButton
        className={classes.picture}
        onClick={() => setLarge(true)}
        aria-label={t("media.larger", { about })}
      >
        {image}
      </UnstyledButton>
      <Modal opened={large} onClose={() => setLarge(false)} title={<bdi>{about}</bdi>} size="auto">
        <img
          src={fileOf(message)}
          alt={about}
          style={{ display: "block", maxWidth: "100%", maxHeight: "80dvh", margin: "auto" }}
        />
      </Modal>
    </>
  );
}
