// Creates or edits a curated answer, in a dialog.
import {
  ActionIcon,
  Button,
  Group,
  Modal,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { collectionOptions } from "./collectionName";
import { FormattedText } from "./FormattedText";
import { FormEnd } from "./FormEnd";
import { toWhatsApp } from "./markdown";
import { useSay } from "./say";

type Answer = Schemas["CuratedAnswer"];
/** What a new answer begins with. */
export type Draft = { phrasings: string[]; answer: string };

type Props = {
  /** The collections that may take a new answer; one to edit is in the first. */
  collections: readonly string[];
  editing?: Answer | Draft;
  close: () => void;
};

export function AnswerForm({ collections, editing, close }: Props) {
  const { t } = useTranslation("knowledge");
  const [busy, setBusy] = useState(false);
  const isFixed = editing && "source" in editing && editing.source;
  const title = isFixed
    ? "answers.title"
    : editing && "id" in editing
      ? "answers.editTitle"
      : "answers.addTitle";
  return (
    // An answer that is being saved would close the next dialog.
    <Modal opened={!!editing} onClose={busy ? () => {} : close} size="lg" title={t(title)}>
      {editing &&
        (isFixed ? (
          <FileAnswer answer={editing} />
        ) : (
          <Form collections={collections} editing={editing} close={close} onBusy={setBusy} />
        ))}
    </Modal>
  );
}

/** An answer that a file defines: it is changed there. */
function FileAnswer({ answer }: { answer: Pick<Answer, "phrasings" | "answer" | "source"> }) {
  const { t } = useTranslation("knowledge");
  return (
    <Stack gap="sm">
      <Text fw={600} dir="auto">
        {answer.phrasings[0]}
      </Text>
      <Text size="sm" dir="auto" style={{ whiteSpace: "pre-wrap" }}>
        <FormattedText text={toWhatsApp(answer.answer)} />
      </Text>
      <Text size="sm" c="dimmed">
        {t("answers.file", { file: answer.source })}. {t("answers.fileAbout")}
      </Text>
    </Stack>
  );
}

function useSaving(name: string, answer: Answer | undefined, close: () => void) {
  const { t } = useTranslation("knowledge");
  const say = useSay();
  const saved = {
    onSuccess: () => {
      reread("/api/v1/collections/{name}/answers", "/api/v1/collections/{name}/answers/{id}");
      say.done(t("answers.saved"));
      close();
    },
  };
  const making = $api.useMutation("post", "/api/v1/collections/{name}/answers", saved);
  const changing = $api.useMutation("patch", "/api/v1/collections/{name}/answers/{id}", saved);
  const save = (body: Schemas["NewCuratedAnswer"]) => {
    if (answer) changing.mutate({ params: { path: { name, id: answer.id } }, body });
    // A new answer for all languages omits the language; an edit clears it with an empty string.
    else
      making.mutate({
        params: { path: { name } },
        body: { ...body, language: body.language || undefined },
      });
  };
  return { save, busy: making.isPending || changing.isPending, error: making.error ?? changing.error };
}

type FormProps = Props & { editing: Answer | Draft; onBusy: (busy: boolean) => void };

function Form({ collections, editing, close, onBusy }: FormProps) {
  const { t } = useTranslation(["knowledge", "common"]);
  const [collection, setCollection] = useState(collections[0] ?? "");
  const known = $api.useQuery("get", "/api/v1/collections");
  const answer = "id" in editing ? editing : undefined;
  const { save, busy, error } = useSaving(collection, answer, close);
  useEffect(() => {
    onBusy(busy);
    return () => onBusy(false);
  }, [busy, onBusy]);
  const form = useForm({
    initialValues: {
      phrasings: editing.phrasings.length ? editing.phrasings : [""],
      answer: editing.answer,
      language: answer?.language ?? "",
      enabled: answer?.enabled ?? true,
    },
    validate: {
      phrasings: (all) => (all.some((one) => one.trim()) ? null : t("answers.questionMissing")),
      answer: (text) => (text.trim() ? null : t("answers.answerMissing")),
      language: (code) => (/^([a-z]{2})?$/.test(code.trim()) ? null : t("answers.languageWrong")),
    },
  });
  const submit = form.onSubmit((values) =>
    save({
      phrasings: values.phrasings.map((one) => one.trim()).filter(Boolean),
      answer: values.answer,
      language: values.language.trim(),
      enabled: values.enabled,
    }),
  );
  const { phrasings } = form.values;
  // A correction begins with its answer, a new answer with its question.
  const begins = editing.answer && !answer ? "answer" : "question";
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Stack gap={6} component="fieldset" p={0} m={0} style={{ border: 0 }}>
          <Text component="legend" size="sm" fw={500} p={0}>
            {t("answers.questions")}
          </Text>
          <Text size="xs" c="dimmed">
            {t("answers.questionsAbout")}
          </Text>
          {phrasings.map((_, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a way of asking is nothing but its place and its words.
            <Group key={at} gap={4} wrap="nowrap" align="flex-start">
              <TextInput
                aria-label={t("answers.question")}
                dir="auto"
                maxLength={500}
                style={{ flex: 1 }}
                data-autofocus={(begins === "question" && at === phrasings.length - 1) || undefined}
                {...form.getInputProps(`phrasings.${at}`)}
                error={at === 0 && form.errors.phrasings}
              />
              {phrasings.length > 1 && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={36}
                  onClick={() => form.removeListItem("phrasings", at)}
                  aria-label={t("answers.removeWay")}
                >
                  <IconX size={18} />
                </ActionIcon>
              )}
            </Group>
          ))}
          {phrasings.length < 50 && (
            <Button
              variant="subtle"
              size="xs"
              w="fit-content"
              leftSection={<IconPlus size={16} aria-hidden />}
              onClick={() => form.insertListItem("phrasings", "")}
            >
              {t("answers.anotherWay")}
            </Button>
          )}
        </Stack>
        <Textarea
          label={t("answers.answer")}
          description={t("answers.answerAbout")}
          dir="auto"
          autosize
          minRows={4}
          maxRows={14}
          maxLength={8_000}
          required
          data-autofocus={begins === "answer" || undefined}
          {...form.getInputProps("answer")}
        />
        {collections.length > 1 && (
          <Select
            label={t("gaps.collection")}
            data={collectionOptions(
              known.data?.filter(({ slug }) => collections.includes(slug)) ?? [],
              collections,
            )}
            value={collection}
            onChange={(next) => setCollection(next ?? collection)}
            allowDeselect={false}
          />
        )}
        <TextInput
          label={t("answers.language")}
          description={t("answers.languageAbout")}
          dir="ltr"
          w={{ base: "100%", xs: 260 }}
          {...form.getInputProps("language")}
        />
        <Switch label={t("answers.enabled")} {...form.getInputProps("enabled", { type: "checkbox" })} />
        <FormEnd yes={t("common:action.save")} close={close} busy={busy} error={error} />
      </Stack>
    </form>
  );
}
