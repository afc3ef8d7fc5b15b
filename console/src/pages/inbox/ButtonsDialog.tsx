// Writes a message with something to tap, such as choices, a link or a place, and shows what the customer will see.
import {
  Button,
  CloseButton,
  Group,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { FormEnd } from "@/parts/FormEnd";
import { TappableFields } from "./TappableFields";
import { TappableMessage } from "./TappableMessage";
import classes from "./Template.module.css";
import {
  contentOf,
  isList,
  isTappableKind,
  LONGEST_LABEL,
  LONGEST_TITLE,
  longestText,
  MOST_OPTIONS,
  problemOf,
  type Tappable,
  type TappableDraft,
  type TappableKind,
  takesText,
  tappableOf,
} from "./tappable";

const kinds: readonly TappableKind[] = ["choices", "link", "location", "contacts", "products", "flow"];

type Props = {
  opened: boolean;
  onClose: () => void;
  /** The text of the message field, which is the same here. */
  text: string;
  setText: (text: string) => void;
  send: (below: Tappable) => void;
};

export function ButtonsDialog({ opened, onClose, text, setText, send }: Props) {
  const { t } = useTranslation("inbox");
  return (
    <Modal opened={opened} onClose={onClose} title={t("buttons.title")} size="xl">
      <ButtonsForm text={text} setText={setText} send={send} close={onClose} />
    </Modal>
  );
}

type FormProps = Omit<Props, "opened" | "onClose"> & { close: () => void };

function ButtonsForm({ text, setText, send, close }: FormProps) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const [draft, setDraft] = useState<TappableDraft>(() => ({
    kind: "choices",
    titles: ["", ""],
    list: t("buttons.listDefault"),
    label: "",
    url: "",
    coordinates: "",
    name: "",
    address: "",
    phones: "",
    products: "",
    catalog: "",
    header: "",
    flow: "",
    screen: "",
  }));
  // What is missing is said only once a person wants to send.
  const [isAsked, setAsked] = useState(false);
  const change = (changed: Partial<TappableDraft>) => setDraft((before) => ({ ...before, ...changed }));
  const problem = problemOf(text, draft);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    if (!problem) send(tappableOf(draft));
  };
  return (
    <form onSubmit={submit} noValidate autoComplete="off">
      <Stack>
        <Select
          label={t("buttons.kind")}
          value={draft.kind}
          onChange={(kind) => {
            if (kind && isTappableKind(kind)) change({ kind });
            setAsked(false);
          }}
          data={kinds.map((kind) => ({ value: kind, label: t(`kind.${kind}`) }))}
          allowDeselect={false}
        />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Stack gap="sm">
            {takesText(draft.kind) && (
              <Textarea
                label={t(draft.kind === "products" ? "buttons.productText" : "buttons.text")}
                autosize
                minRows={2}
                maxRows={8}
                dir="auto"
                data-autofocus
                required={draft.kind !== "products"}
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
              />
            )}
            {draft.kind === "choices" ? (
              <Options draft={draft} change={change} />
            ) : (
              <TappableFields draft={draft} change={change} />
            )}
          </Stack>
          <Preview text={text} draft={draft} />
        </SimpleGrid>
        {isAsked && problem && (
          <Text size="sm" c="red" role="alert">
            {t(`buttons.problem.${problem}`, { most: format.count(longestText(draft)) })}
          </Text>
        )}
        <FormEnd yes={t("write.send")} close={close} busy={false} error={undefined} />
      </Stack>
    </form>
  );
}

type OptionsProps = { draft: TappableDraft; change: (changed: Partial<TappableDraft>) => void };

function Options({ draft, change }: OptionsProps) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const { titles } = draft;
  const put = (at: number, title: string) =>
    change({ titles: titles.map((before, index) => (index === at ? title : before)) });
  return (
    <>
      {titles.map((title, at) => {
        const number = format.count(at + 1);
        return (
          <TextInput
            // biome-ignore lint/suspicious/noArrayIndexKey: a choice is its place.
            key={at}
            label={t("buttons.option", { number })}
            maxLength={LONGEST_TITLE}
            dir="auto"
            value={title}
            onChange={(event) => put(at, event.currentTarget.value)}
            rightSection={
              titles.length > 1 && (
                <CloseButton
                  size="sm"
                  onClick={() => change({ titles: titles.filter((_, index) => index !== at) })}
                  aria-label={t("buttons.removeOption", { number })}
                />
              )
            }
          />
        );
      })}
      {titles.length < MOST_OPTIONS && (
        <Group>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => change({ titles: [...titles, ""] })}
          >
            {t("buttons.addOption")}
          </Button>
        </Group>
      )}
      {isList(draft) && (
        <TextInput
          label={t("buttons.list")}
          description={t("buttons.listAbout")}
          maxLength={LONGEST_LABEL}
          dir="auto"
          required
          value={draft.list}
          onChange={(event) => change({ list: event.currentTarget.value })}
        />
      )}
    </>
  );
}

function Preview({ text, draft }: { text: string; draft: TappableDraft }) {
  const { t } = useTranslation("inbox");
  const content = contentOf(text.trim(), tappableOf(draft));
  const id = useId();
  return (
    <section className={classes.preview} aria-labelledby={id}>
      <Text id={id} size="xs" c="dimmed" mb={6}>
        {t("buttons.preview")}
      </Text>
      {content && <TappableMessage content={content} />}
    </section>
  );
}
