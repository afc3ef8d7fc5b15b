// Gives a collection another title for people.
import { Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { collectionName } from "@/parts/collectionName";
import { FormEnd } from "@/parts/FormEnd";
import { useSay } from "@/parts/say";

type Props = { collection: Schemas["Collection"]; opened: boolean; onClose: () => void };

export function RenameCollection({ collection, opened, onClose }: Props) {
  const { t } = useTranslation(["knowledge", "common"]);
  const name = collectionName(collection);
  return (
    <Modal opened={opened} onClose={onClose} title={t("collections.renameTitle", { name })}>
      {opened && <Form collection={collection} onClose={onClose} />}
    </Modal>
  );
}

function Form({ collection, onClose }: Omit<Props, "opened">) {
  const { t } = useTranslation(["knowledge", "common"]);
  const say = useSay();
  const { slug } = collection;
  const [title, setTitle] = useState(collectionName(collection));
  const change = $api.useMutation("patch", "/api/v1/collections/{name}", {
    onSuccess: (renamed) => {
      reread("/api/v1/collections");
      say.done(t("collections.renamed", { name: collectionName(renamed) }));
      onClose();
    },
  });
  // The name itself is no title of its own.
  const wanted = title.trim() === slug ? "" : title.trim();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate({ params: { path: { name: slug } }, body: { title: wanted } });
      }}
    >
      <Stack>
        <Text size="sm">{t("collections.renameAbout", { name: slug })}</Text>
        <TextInput
          label={t("collections.title")}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
          maxLength={60}
          dir="auto"
          data-autofocus
        />
        <FormEnd
          yes={t("collections.rename")}
          close={onClose}
          busy={change.isPending}
          error={change.error}
          disabled={wanted === (collection.title ?? "")}
        />
      </Stack>
    </form>
  );
}
