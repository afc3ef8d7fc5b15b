// Creates a document from pasted text.
import { Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTranslation } from "react-i18next";
import { $api, Failure } from "@/api/client";
import { reread } from "@/api/queries";
import { FormEnd } from "@/parts/FormEnd";
import { useSay } from "@/parts/say";
import { useFailure } from "./failure";

type Props = { collection: string; opened: boolean; close: () => void };

export function PasteText({ collection, opened, close }: Props) {
  const { t } = useTranslation(["knowledge", "common"]);
  const say = useSay();
  const failure = useFailure();
  const pasting = $api.useMutation("post", "/api/v1/collections/{name}/documents");
  const form = useForm({
    initialValues: { title: "", text: "" },
    validate: {
      title: (title) => (title.trim() ? null : t("paste.titleMissing")),
      text: (text) => (text.trim() ? null : t("paste.textMissing")),
    },
  });
  const refused = pasting.data?.find((document) => document.state === "failed");
  const said = refused && failure(refused);
  const save = form.onSubmit(({ title, text }) =>
    pasting.mutate(
      { params: { path: { name: collection } }, body: { title: title.trim(), text } },
      {
        onSuccess: (documents) => {
          reread("/api/v1/collections", "/api/v1/collections/{name}/documents");
          if (documents.some((document) => document.state === "failed")) return;
          say.done(t("paste.done", { name: title.trim() }));
          form.reset();
          pasting.reset();
          close();
        },
      },
    ),
  );
  return (
    <Modal opened={opened} onClose={close} title={t("paste.open")} size="lg">
      <form onSubmit={save} noValidate>
        <Stack>
          <TextInput
            label={t("paste.title")}
            description={t("paste.titleAbout")}
            placeholder={t("paste.titlePlaceholder")}
            dir="auto"
            maxLength={200}
            required
            data-autofocus
            {...form.getInputProps("title")}
          />
          <Textarea
            label={t("paste.text")}
            description={t("paste.textAbout")}
            dir="auto"
            autosize
            minRows={8}
            maxRows={20}
            required
            {...form.getInputProps("text")}
          />
          <FormEnd
            yes={t("paste.save")}
            close={close}
            busy={pasting.isPending}
            error={
              pasting.error ?? (said && new Failure(422, [said.why, said.what].filter(Boolean).join("\n")))
            }
          />
        </Stack>
      </form>
    </Modal>
  );
}
