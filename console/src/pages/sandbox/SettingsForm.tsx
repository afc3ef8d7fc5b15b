// The settings that authors change most. They are in the prompt file's header, whose comments and order are kept.
import {
  Alert,
  Autocomplete,
  Fieldset,
  MultiSelect,
  NumberInput,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { collectionOptions } from "@/parts/collectionName";
import { headerValue, readPrompt, withHeader, withList } from "@/parts/promptFile";
import { FollowUpFields } from "./FollowUpFields";
import { Sentence } from "./Sentence";

type Props = {
  source: string;
  onChange: (source: string) => void;
  /** The file's effective settings, with all defaults; undefined or null while they are unknown. */
  settings?: Schemas["DraftSettings"] | null;
};

const words = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

export function SettingsForm({ source, onChange, settings }: Props) {
  const { t } = useTranslation("sandbox");
  const models = $api.useQuery("get", "/api/v1/models", {}, { staleTime: 60_000, retry: false });
  const collections = $api.useQuery("get", "/api/v1/collections");
  const broken = useMemo(() => readPrompt(source).header.errors.length > 0, [source]);
  if (broken)
    return (
      <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
        {t("check.broken")}
      </Alert>
    );
  const value = (...path: string[]) => headerValue(source, path);
  const put = (path: string[], next: unknown) => onChange(withHeader(source, path, next));
  const knowledge = words(value("knowledge"));
  const temperature = value("temperature");
  const standard = models.data?.default;
  return (
    <Stack gap="md">
      <TextInput
        label={t("setting.name")}
        description={t("field.nameAbout")}
        value={text(value("name"))}
        onChange={(event) => put(["name"], event.currentTarget.value)}
        dir="auto"
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
        <Autocomplete
          label={t("setting.model")}
          description={
            models.data && (standard ? t("field.modelAbout", { model: standard }) : t("field.modelNone"))
          }
          data={models.data?.models ?? []}
          value={text(value("model"))}
          onChange={(model) => put(["model"], model || undefined)}
          placeholder={standard ?? undefined}
          inputWrapperOrder={["label", "input", "description", "error"]}
        />
        <NumberInput
          label={t("setting.temperature")}
          description={t("field.temperatureAbout")}
          value={typeof temperature === "number" ? temperature : ""}
          placeholder={settings ? String(settings.temperature) : undefined}
          onChange={(next) => put(["temperature"], typeof next === "number" ? next : undefined)}
          min={0}
          max={2}
          step={0.1}
          decimalScale={2}
          inputWrapperOrder={["label", "input", "description", "error"]}
        />
      </SimpleGrid>
      <MultiSelect
        label={t("setting.knowledge")}
        description={t("field.knowledgeAbout")}
        data={collectionOptions(collections.data ?? [], knowledge)}
        value={knowledge}
        onChange={(next) => onChange(withList(source, ["knowledge"], next))}
        placeholder={knowledge.length === 0 ? t("field.knowledgeNone") : undefined}
        searchable
        clearable
      />
      <TagsInput
        label={t("setting.handoff.keywords")}
        description={t("field.handoffAbout")}
        value={words(value("handoff", "keywords"))}
        onChange={(next) => onChange(withList(source, ["handoff", "keywords"], next))}
        splitChars={[]}
        acceptValueOnBlur
      />
      <Fieldset legend={t("field.voice")} variant="default">
        <Stack gap="md">
          <Switch
            label={t("setting.voice.transcribe")}
            checked={value("voice", "transcribe") !== false}
            onChange={(event) => put(["voice", "transcribe"], event.currentTarget.checked)}
          />
          <Sentence
            label={t("setting.voice.failure_reply")}
            value={value("voice", "failure_reply")}
            onChange={(next) => put(["voice", "failure_reply"], next)}
          />
        </Stack>
      </Fieldset>
      <FollowUpFields
        value={(key) => value("follow_up", key)}
        onChange={(key, next) => put(["follow_up", key], next)}
      />
      <Fieldset legend={t("field.sentences")} variant="default">
        <Stack gap="md">
          <Sentence
            label={t("setting.handoff.reply")}
            value={value("handoff", "reply")}
            standard={settings?.handoff.reply}
            onChange={(next) => put(["handoff", "reply"], next)}
          />
          <Sentence
            label={t("setting.greeting")}
            value={value("greeting")}
            standard={settings?.greeting}
            onChange={(next) => put(["greeting"], next)}
          />
          <Sentence
            label={t("setting.no_answer")}
            value={value("no_answer")}
            standard={settings?.no_answer}
            onChange={(next) => put(["no_answer"], next)}
          />
          <Sentence
            label={t("setting.failure")}
            value={value("failure")}
            standard={settings?.failure}
            onChange={(next) => put(["failure"], next)}
          />
        </Stack>
      </Fieldset>
    </Stack>
  );
}
