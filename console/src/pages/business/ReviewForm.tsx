// The last step: what was read of the website, for review, and the agent that is made of it.
import {
  Checkbox,
  MultiSelect,
  Paper,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { FormEnd } from "@/parts/FormEnd";
import { Async, Loading } from "@/parts/States";
import type { Draft } from "./draft";
import { useCreation } from "./useCreation";

/** The collection of a business without a website: its files come afterwards. */
const FILES = "documents";
/** What most customers write on WhatsApp, offered beside what was found. */
const LANGUAGES = ["en", "es", "pt", "ar", "fr", "de", "it", "nl", "hi", "id", "tr", "ru", "zh", "ja"];

const nothing: Schemas["AgentSuggestion"] = {
  name: "",
  languages: [],
  hours: [],
  handoff_keywords: [],
  description: "",
};

export function ReviewForm({ collection }: { collection?: string }) {
  const suggestion = $api.useQuery(
    "get",
    "/api/v1/collections/{name}/agent-suggestion",
    { params: { path: { name: collection ?? "" } } },
    { enabled: !!collection, staleTime: 0, refetchOnWindowFocus: false },
  );
  const status = $api.useQuery("get", "/api/v1/status", {});
  const writing = $api.useQuery("get", "/api/v1/agents/generate", {});
  // The form is begun with what these say.
  if (status.isPending || writing.isPending) return <Loading rows={5} />;
  const rest = { isDemo: !!status.data?.demo, canWrite: !!writing.data?.available };
  if (!collection) return <Review collection={FILES} suggestion={nothing} {...rest} canWrite={false} />;
  return (
    <Async query={suggestion} rows={5}>
      {(suggestion) => <Review collection={collection} suggestion={suggestion} {...rest} />}
    </Async>
  );
}

type Props = {
  collection: string;
  suggestion: Schemas["AgentSuggestion"];
  isDemo: boolean;
  /** Whether a model can write the prompt. */
  canWrite: boolean;
};

function Review({ collection, suggestion, isDemo, canWrite }: Props) {
  const { t, i18n } = useTranslation("business");
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>({
    name: suggestion.name,
    languages: suggestion.languages,
    hours: suggestion.hours.join("\n"),
    keywords: suggestion.handoff_keywords,
  });
  const [writes, setWrites] = useState(canWrite);
  const [leaves, setLeaves] = useState(isDemo);
  const [tried, setTried] = useState(false);
  const { create, step, error } = useCreation((agent) => void navigate({ to: "/", search: { agent } }));
  const set = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }));
  const names = new Intl.DisplayNames(i18n.language, { type: "language" });
  const codes = [...new Set([...suggestion.languages, ...LANGUAGES])];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!draft.name.trim()) return;
    const description = writes ? suggestion.description : undefined;
    void create({ draft, collection, description, leavesDemo: leaves });
  };
  return (
    <Paper withBorder p={{ base: "md", sm: "lg" }} component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>{t("review.title")}</Title>
        <Text size="sm" c="dimmed">
          {t(suggestion.name ? "review.about" : "review.aboutEmpty")}
        </Text>
        <TextInput
          label={t("review.name")}
          value={draft.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          error={tried && !draft.name.trim() && t("review.required")}
          maxLength={100}
          dir="auto"
        />
        <MultiSelect
          label={t("review.languages")}
          description={t("review.languagesAbout")}
          data={codes.map((value) => ({ value, label: names.of(value) ?? value }))}
          value={draft.languages}
          onChange={(languages) => set({ languages })}
          searchable
        />
        <Textarea
          label={t("review.hours")}
          description={t(draft.hours ? "review.hoursAbout" : "review.hoursNone")}
          value={draft.hours}
          onChange={(event) => set({ hours: event.currentTarget.value })}
          autosize
          minRows={3}
          maxRows={12}
          maxLength={2000}
          dir="auto"
        />
        <TagsInput
          label={t("review.keywords")}
          description={t("review.keywordsAbout")}
          value={draft.keywords}
          onChange={(keywords) => set({ keywords })}
          splitChars={["\n"]}
          maxTags={100}
        />
        {canWrite && (
          <Checkbox
            label={t("review.write")}
            description={t("review.writeAbout")}
            checked={writes}
            onChange={(event) => setWrites(event.currentTarget.checked)}
          />
        )}
        {isDemo && (
          <Checkbox
            label={t("review.leave")}
            description={t("review.leaveAbout")}
            checked={leaves}
            onChange={(event) => setLeaves(event.currentTarget.checked)}
          />
        )}
        {step && (
          <Text size="sm" role="status">
            {t(`step.${step}`)}
          </Text>
        )}
        <FormEnd
          yes={t("review.create")}
          close={() => void navigate({ to: "/" })}
          busy={step !== undefined}
          error={error}
        />
      </Stack>
    </Paper>
  );
}
