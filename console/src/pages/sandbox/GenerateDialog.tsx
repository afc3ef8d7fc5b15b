// Lets the model write a prompt file from a description of the business. The result becomes the draft; it is
// not published.
import { Alert, Button, Group, Modal, MultiSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { collectionOptions } from "@/parts/collectionName";
import { headerValue } from "@/parts/promptFile";
import { Async, Failed } from "@/parts/States";

type Props = {
  opened: boolean;
  onClose: () => void;
  /** The current prompt file: the new one keeps its name and collections. */
  source: string;
  /** Whether unpublished changes would be replaced. */
  changed: boolean;
  onWritten: (source: string) => void;
};

export function GenerateDialog(props: Props) {
  const { t } = useTranslation("sandbox");
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={t("generate.title")} size="lg">
      {props.opened && <GenerateForm {...props} />}
    </Modal>
  );
}

function knowledgeOf(source: string): string[] {
  const value = headerValue(source, ["knowledge"]);
  return Array.isArray(value) ? value.map(String) : [];
}

function GenerateForm({ source, changed, onWritten, onClose }: Props) {
  const { t } = useTranslation("sandbox");
  const { t: c } = useTranslation();
  const format = useFormat();
  const state = $api.useQuery("get", "/api/v1/agents/generate", {}, { staleTime: 0 });
  const collections = $api.useQuery("get", "/api/v1/collections");
  const write = $api.useMutation("post", "/api/v1/agents/generate");
  const [description, setDescription] = useState("");
  const [language, setLanguage] = useState("");
  const [knowledge, setKnowledge] = useState(() => knowledgeOf(source));
  const go = () =>
    write.mutate(
      {
        body: {
          description: description.trim(),
          knowledge,
          language: language.trim() || undefined,
          name: String(headerValue(source, ["name"]) ?? "") || undefined,
        },
      },
      {
        onSuccess: ({ source }) => {
          reread("/api/v1/agents/generate");
          onWritten(source);
          onClose();
        },
      },
    );
  return (
    <Async query={state}>
      {({ available, left, limit, reason }) => (
        <Stack>
          <Text size="sm">
            {t("generate.about")} {changed && t("generate.replaces")}
          </Text>
          {!available && (
            <Alert color="orange" title={t("generate.none")}>
              {reason}
            </Alert>
          )}
          <Textarea
            label={t("generate.description")}
            placeholder={t("generate.descriptionPlaceholder")}
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
            autosize
            minRows={5}
            maxRows={14}
            maxLength={4000}
            dir="auto"
            disabled={!available || write.isPending}
            data-autofocus
          />
          <Group grow align="flex-start">
            <TextInput
              label={t("generate.language")}
              placeholder={t("generate.languagePlaceholder")}
              value={language}
              onChange={(event) => setLanguage(event.currentTarget.value)}
              disabled={!available || write.isPending}
            />
            <MultiSelect
              label={t("setting.knowledge")}
              data={collectionOptions(collections.data ?? [])}
              value={knowledge}
              onChange={setKnowledge}
              disabled={!available || write.isPending}
            />
          </Group>
          {write.error && <Failed error={write.error} />}
          <Group justify="space-between">
            <Text size="xs" c="dimmed" role="status">
              {write.isPending
                ? t("generate.writing")
                : t("generate.left", { count: left, limit: format.count(limit) })}
            </Text>
            <Group gap="xs">
              <Button variant="default" onClick={onClose}>
                {c("action.cancel")}
              </Button>
              <Button
                onClick={go}
                loading={write.isPending}
                disabled={!available || description.trim().length < 10}
              >
                {t("generate.yes")}
              </Button>
            </Group>
          </Group>
        </Stack>
      )}
    </Async>
  );
}
