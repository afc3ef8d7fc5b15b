// Writes a message template and submits it to WhatsApp, with what the customer will see beside it.
import {
  ActionIcon,
  Button,
  Group,
  Modal,
  NativeSelect,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { TemplatePreview, useLabel } from "@/pages/inbox/TemplatePreview";
import { FormEnd } from "@/parts/FormEnd";
import { useSay } from "@/parts/say";
import { parameterKey, type TypedValues } from "@/parts/template";
import { type DraftButton, type DraftTexts, draftOf, shapeOf } from "@/parts/templateDraft";

const empty: DraftTexts = {
  name: "",
  language: "en",
  category: "utility",
  header: "",
  body: "",
  footer: "",
  buttons: [],
};
const categories = ["utility", "marketing"] as const satisfies Schemas["TemplateCategory"][];
const kinds = ["quick_reply", "url", "phone"] as const satisfies Schemas["TemplateButtonKind"][];
/** Most buttons that WhatsApp takes. */
const MOST_BUTTONS = 10;

type Props = { number: string; opened: boolean; close: () => void };

export function NewTemplate({ number, opened, close }: Props) {
  const { t } = useTranslation("templates");
  return (
    <Modal opened={opened} onClose={close} title={t("new.title")} size="xl">
      <DraftForm number={number} close={close} />
    </Modal>
  );
}

function DraftForm({ number, close }: Omit<Props, "opened">) {
  const { t } = useTranslation("templates");
  const say = useSay();
  const [texts, setTexts] = useState(empty);
  const [examples, setExamples] = useState<TypedValues>({});
  const creating = $api.useMutation("post", "/api/v1/numbers/{id}/templates", {
    onSuccess: ({ name }) => {
      reread("/api/v1/numbers/{id}/templates");
      say.done(t("new.done", { name }));
      close();
    },
  });
  const { layout, parameters } = shapeOf(texts);
  const labelOf = useLabel({ layout });
  const set = (more: Partial<DraftTexts>) => setTexts((all) => ({ ...all, ...more }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (creating.isPending) return;
    creating.mutate({ params: { path: { id: number } }, body: draftOf(texts, examples) });
  };
  return (
    <form onSubmit={submit} noValidate autoComplete="off">
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Stack gap="sm">
            <TextInput
              label={t("new.name")}
              description={t("new.nameAbout")}
              dir="ltr"
              required
              maxLength={512}
              value={texts.name}
              onChange={(event) =>
                set({ name: event.currentTarget.value.toLowerCase().replaceAll(" ", "_") })
              }
            />
            <TextInput
              label={t("new.language")}
              description={t("new.languageAbout")}
              dir="ltr"
              required
              maxLength={20}
              value={texts.language}
              onChange={(event) => set({ language: event.currentTarget.value.trim() })}
            />
            <NativeSelect
              label={t("column.category")}
              description={t("new.categoryAbout")}
              data={categories.map((value) => ({ value, label: t(`category.${value}`) }))}
              value={texts.category}
              onChange={({ currentTarget: { value } }) =>
                set({ category: categories.find((one) => one === value) ?? "utility" })
              }
            />
            <TextInput
              label={t("new.header")}
              dir="auto"
              maxLength={60}
              value={texts.header}
              onChange={(event) => set({ header: event.currentTarget.value })}
            />
            <Textarea
              label={t("new.body")}
              description={t("new.bodyAbout", { first: "{{1}}", second: "{{2}}" })}
              dir="auto"
              required
              autosize
              minRows={4}
              maxLength={1024}
              value={texts.body}
              onChange={(event) => set({ body: event.currentTarget.value })}
            />
            <TextInput
              label={t("new.footer")}
              dir="auto"
              maxLength={60}
              value={texts.footer}
              onChange={(event) => set({ footer: event.currentTarget.value })}
            />
            <Buttons buttons={texts.buttons} change={(buttons) => set({ buttons })} />
          </Stack>
          <Stack gap="sm">
            <TemplatePreview template={{ layout, parameters }} values={examples} />
            {parameters.length > 0 && (
              <Text size="sm" c="dimmed">
                {t("new.examples")}
              </Text>
            )}
            {parameters.map((one) => (
              <TextInput
                key={parameterKey(one)}
                label={<bdi>{labelOf(one)}</bdi>}
                dir="auto"
                required
                value={examples[parameterKey(one)] ?? ""}
                onChange={({ currentTarget: { value } }) =>
                  setExamples((all) => ({ ...all, [parameterKey(one)]: value }))
                }
              />
            ))}
          </Stack>
        </SimpleGrid>
        <FormEnd yes={t("new.submit")} close={close} busy={creating.isPending} error={creating.error} />
      </Stack>
    </form>
  );
}

type ButtonsProps = { buttons: readonly DraftButton[]; change: (buttons: readonly DraftButton[]) => void };

function Buttons({ buttons, change }: ButtonsProps) {
  const { t } = useTranslation("templates");
  const set = (at: number, more: Partial<DraftButton>) =>
    change(buttons.map((one, place) => (place === at ? { ...one, ...more } : one)));
  return (
    <Stack gap="sm">
      {buttons.map((button, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: buttons are told apart by their place alone.
        <Stack key={at} gap={4} role="group" aria-label={t("new.button", { place: at + 1 })}>
          <Group align="flex-end" gap="xs" wrap="nowrap">
            <NativeSelect
              label={t("new.button", { place: at + 1 })}
              data={kinds.map((value) => ({ value, label: t(`new.kind.${value}`) }))}
              value={button.kind}
              onChange={({ currentTarget: { value } }) =>
                set(at, { kind: kinds.find((one) => one === value) ?? "quick_reply", url: null, phone: null })
              }
            />
            <TextInput
              flex={1}
              label={t("new.label")}
              dir="auto"
              maxLength={25}
              value={button.text}
              onChange={(event) => set(at, { text: event.currentTarget.value })}
            />
            <ActionIcon
              variant="subtle"
              color="red"
              size="lg"
              aria-label={t("new.removeButton", { place: at + 1 })}
              onClick={() => change(buttons.filter((_, place) => place !== at))}
            >
              <IconTrash size={18} aria-hidden />
            </ActionIcon>
          </Group>
          {button.kind === "url" && (
            <TextInput
              label={t("new.url")}
              description={t("new.urlAbout")}
              dir="ltr"
              maxLength={2000}
              value={button.url ?? ""}
              onChange={(event) => set(at, { url: event.currentTarget.value.trim() })}
            />
          )}
          {button.kind === "phone" && (
            <TextInput
              label={t("new.phone")}
              dir="ltr"
              inputMode="tel"
              maxLength={30}
              value={button.phone ?? ""}
              onChange={(event) => set(at, { phone: event.currentTarget.value.replaceAll(" ", "") })}
            />
          )}
        </Stack>
      ))}
      {buttons.length < MOST_BUTTONS && (
        <Button
          variant="default"
          size="xs"
          w="fit-content"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => change([...buttons, { kind: "quick_reply", text: "" }])}
        >
          {t("new.addButton")}
        </Button>
      )}
    </Stack>
  );
}
