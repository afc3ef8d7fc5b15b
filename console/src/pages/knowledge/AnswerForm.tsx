// Creates or edits a curated answer.
import { ActionIcon, Button, Group, Modal, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { FormEnd } from "@/parts/FormEnd";
import { useSay } from "@/parts/say";

type Answer = Schemas["CuratedAnswer"];
type Props = { collection: string; editing?: Answer | "new"; close: () => void };

export function AnswerForm({ collection, editing, close }: Props) {
  const { t } = useTranslation(["knowledge", "common"]);
  return (
    <Modal
      opened={!!editing}
      onClose={close}
      size="lg"
      title={t(editing === "new" ? "answers.addTitle" : "answers.editTitle")}
    >
      {editing && (
        <Form collection={collection} answer={editing === "new" ? undefined : editing} close={close} />
      )}
    </Modal>
  );
}

function useSaving(collection: string, answer: Answer | undefined, close: () => void) {
  const { t } = useTranslation(["knowledge", "common"]);
  const say = useSay();
  const making = $api.useMutation("post", "/api/v1/collections/{name}/answers");
  const changing = $api.useMutation("patch", "/api/v1/collections/{name}/answers/{id}");
  const onSuccess = () => {
    reread("/api/v1/collections/{name}/answers");
    say.done(t("answers.saved"));
    close();
  };
  const save = (body: Schemas["NewCuratedAnswer"]) => {
    const name = collection;
    if (answer) changing.mutate({ params: { path: { name, id: answer.id } }, body }, { onSuccess });
    // A new answer for all languages omits the language; an edit clears it with an empty string.
    else
      making.mutate(
        { params: { path: { name } }, body: { ...body, language: body.language || undefined } },
        { onSuccess },
      );
  };
  return { save, busy: making.isPending || changing.isPending, error: making.error ?? changing.error };
}

function Form({ collection, answer, close }: { collection: string; answer?: Answer; close: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { save, busy, error } = useSaving(collection, answer, close);
  const form = useForm({
    initialValues: {
      phrasings: answer?.phrasings.length ? answer.phrasings : [""],
      answer: answer?.answer ?? "",
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
                data-autofocus={at === phrasings.length - 1 || undefined}
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
          {...form.getInputProps("answer")}
        />
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
