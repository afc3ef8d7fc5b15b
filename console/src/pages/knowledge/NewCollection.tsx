// Creates a collection and opens it.
import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { FormEnd } from "@/parts/FormEnd";

const shape = /^[a-z0-9-]{1,60}$/;

export function NewCollection() {
  const { t } = useTranslation(["knowledge", "common"]);
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={open}>
        {t("create.open")}
      </Button>
      <Modal opened={opened} onClose={close} title={t("create.open")}>
        <Form close={close} />
      </Modal>
    </>
  );
}

function Form({ close }: { close: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const navigate = useNavigate();
  const making = $api.useMutation("post", "/api/v1/collections");
  const form = useForm({
    initialValues: { slug: "" },
    validate: { slug: (slug) => (shape.test(slug) ? null : t("create.wrong")) },
  });
  const make = form.onSubmit(({ slug }) =>
    making.mutate(
      { body: { slug } },
      {
        onSuccess: () => {
          reread("/api/v1/collections");
          close();
          void navigate({ to: "/knowledge/$collection", params: { collection: slug } });
        },
      },
    ),
  );
  return (
    <form onSubmit={make} noValidate>
      <Stack>
        <TextInput
          label={t("create.name")}
          description={t("create.nameAbout")}
          dir="ltr"
          required
          data-autofocus
          {...form.getInputProps("slug")}
          onChange={(event) =>
            form.setFieldValue("slug", event.currentTarget.value.toLowerCase().replace(/\s+/g, "-"))
          }
        />
        <FormEnd yes={t("create.make")} close={close} busy={making.isPending} error={making.error} />
      </Stack>
    </form>
  );
}
