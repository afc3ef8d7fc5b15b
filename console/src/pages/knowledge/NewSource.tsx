// Adds a web source to a collection.
import { Group, Modal, NumberInput, Select, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { FormEnd } from "@/parts/FormEnd";
import { useSay } from "@/parts/say";

type Props = { collection: string; opened: boolean; close: () => void };

export function NewSource({ collection, opened, close }: Props) {
  const { t } = useTranslation(["knowledge", "common"]);
  return (
    <Modal opened={opened} onClose={close} title={t("sources.add")}>
      <Form collection={collection} close={close} />
    </Modal>
  );
}

function Form({ collection, close }: Omit<Props, "opened">) {
  const { t } = useTranslation(["knowledge", "common"]);
  const say = useSay();
  const adding = $api.useMutation("post", "/api/v1/collections/{name}/sources");
  const form = useForm<{ url: string; depth: number | string; pages: number | string; every: string }>({
    initialValues: { url: "", depth: 0, pages: "", every: "1440" },
    validate: { url: (url) => (/^https?:\/\/[^\s/]+/.test(url.trim()) ? null : t("sources.urlWrong")) },
  });
  const save = form.onSubmit(({ url, depth, pages, every }) =>
    adding.mutate(
      {
        params: { path: { name: collection } },
        body: {
          url: url.trim(),
          depth: depth === "" ? undefined : Number(depth),
          pages: pages === "" ? undefined : Number(pages),
          every_minutes: Number(every),
        },
      },
      {
        onSuccess: () => {
          reread("/api/v1/collections", "/api/v1/collections/{name}/sources");
          say.done(t("sources.added"));
          close();
        },
      },
    ),
  );
  return (
    <form onSubmit={save} noValidate>
      <Stack>
        <TextInput
          label={t("sources.url")}
          description={t("sources.urlAbout")}
          placeholder={t("sources.urlPlaceholder")}
          type="url"
          dir="ltr"
          required
          data-autofocus
          {...form.getInputProps("url")}
        />
        <Group grow align="flex-start">
          <NumberInput
            label={t("sources.depth")}
            description={t("sources.depthAbout")}
            min={0}
            max={20}
            allowDecimal={false}
            {...form.getInputProps("depth")}
          />
          <NumberInput
            label={t("sources.pages")}
            description=" "
            min={1}
            max={10_000}
            allowDecimal={false}
            {...form.getInputProps("pages")}
          />
        </Group>
        <Select
          label={t("sources.every")}
          data={[
            { value: "0", label: t("sources.never") },
            { value: "60", label: t("sources.hourly") },
            { value: "1440", label: t("sources.daily") },
            { value: "10080", label: t("sources.weekly") },
          ]}
          allowDeselect={false}
          {...form.getInputProps("every")}
        />
        <FormEnd yes={t("sources.read")} close={close} busy={adding.isPending} error={adding.error} />
      </Stack>
    </form>
  );
}
