// The file that goes with the next message of a conversation. It stays while other conversations are read, and is
// gone with the page.
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { useSay } from "@/parts/say";

/** WhatsApp's limit for the largest kind of file, documents, in bytes. The server knows the others. */
const LARGEST = 100 * 1024 * 1024;
/** The same in words. */
const LARGEST_SAID = 100_000_000;

const attached = new Map<string, File>();

export function useAttachment(id: string) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const say = useSay();
  const [file, setFile] = useState(() => attached.get(id));
  const remove = useCallback(() => {
    attached.delete(id);
    setFile(undefined);
  }, [id]);
  const attach = useCallback(
    ([first, ...others]: File[]) => {
      if (!first) return;
      if (first.size > LARGEST) {
        const [most, size] = [format.size(LARGEST_SAID), format.size(first.size)];
        say.failed(new Error(t("attach.tooLarge", { most, size })));
        return;
      }
      if (others.length) say.failed(new Error(t("attach.one")));
      attached.set(id, first);
      setFile(first);
    },
    [id, t, format, say],
  );
  return { file, attach, remove };
}

export type Attachment = ReturnType<typeof useAttachment>;

/** Whether WhatsApp shows a text beside the file: beside sound it does not. */
export const takesCaption = ({ type, name }: Pick<File, "type" | "name">) =>
  !type.startsWith("audio/") && !/\.(ogg|oga|opus|mp3|m4a|aac|amr)$/i.test(name);

/** The file in what is pasted. A text that was copied from an office program also brings its picture. */
export function pastedFile(data: Pick<DataTransfer, "files" | "getData">): File | undefined {
  const file = data.files[0];
  const text = data.getData("text/plain");
  return text && text !== file?.name ? undefined : file;
}
