// Accepts files dropped anywhere on the page.
import "@mantine/dropzone/styles.css";
import { Group, Text } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconUpload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { collectionName } from "@/parts/collectionName";
import { upload } from "./uploads";

export function DropTarget({ collection }: { collection: Schemas["Collection"] }) {
  const { t } = useTranslation(["knowledge", "common"]);
  return (
    // Hidden from screen readers: a button does the same. The server refuses files that cannot be learned and says why.
    <div aria-hidden>
      <Dropzone.FullScreen
        active
        activateOnKeyboard={false}
        activateOnClick={false}
        withinPortal={false}
        onDrop={(files) => upload(collection.slug, files)}
      >
        <Group justify="center" gap="md" mih="40vh" style={{ pointerEvents: "none" }}>
          <IconUpload size={40} stroke={1.5} aria-hidden />
          <Text size="lg" fw={500}>
            {t("upload.drop", { name: collectionName(collection) })}
          </Text>
        </Group>
      </Dropzone.FullScreen>
    </div>
  );
}
