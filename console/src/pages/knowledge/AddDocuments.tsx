// Buttons that add documents to a collection.
import { Button, FileButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconClipboardText, IconUpload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { PasteText } from "./PasteText";
import { upload } from "./uploads";

export function AddDocuments({ collection }: { collection: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const [pasting, { open, close }] = useDisclosure();
  return (
    <>
      <FileButton
        onChange={(files) => upload(collection, files)}
        multiple
        inputProps={{ "aria-hidden": true }}
      >
        {(props) => (
          <Button {...props} leftSection={<IconUpload size={18} aria-hidden />}>
            {t("upload.choose")}
          </Button>
        )}
      </FileButton>
      <Button variant="default" leftSection={<IconClipboardText size={18} aria-hidden />} onClick={open}>
        {t("paste.open")}
      </Button>
      <PasteText collection={collection} opened={pasting} close={close} />
    </>
  );
}
