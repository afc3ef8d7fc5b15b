// The last step: what was read of the website, for review, and the agent that is made of it.
import {
  Button,
  Checkbox,
  Group,
  MultiSelect,
  Paper,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { FormEnd } from "@/parts/FormEnd";
import { LANGUAGES, useLanguageNames } from "@/parts/languages";
import { readPrompt, writePrompt } from "@/parts/promptFile";
import { Async, Failed, Loading } from "@/parts/States";
import { firstCollection } from "../start/progress";
import { type Draft, unused } from "./draft";
import { StepTitle } from "./StepTitle";
import { useCreation } from "./useCreation";

/** Shortest text that a model writes a prompt from, in characters. */
const SHORTEST = 10;

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
    { enabled: !!collection, staleTime: 0, gcTime: 0, refetchOnWindowFocus: false },
  );
  const status = $api.useQuery("get", "/api/v1/status", {});
  const writing = $api.useQuery("get", "/api/v1/agents/generate", {});
  const collections = $api.useQuery("get", "/api/v1/collections", {});
  // The form is begun with what these say.
  if (status.isPending || writing.isPending || collections.isPending)
    return <Loading shape="form" rows={5} />;
  const slugs = collections.data?.map(({ slug }) => slug) ?? [];
  const rest = { isDemo: !!status.data?.demo, canWrite: !!writing.data?.available };
  if (!collection)
    return <Review collection={unused(firstCollection, slugs)} suggestion={nothing} {...rest} />;
  return (
    <Async query={suggestion} shape="form" rows={5}>
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
  const { t } = useTranslation("business");
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>({
    name: suggestion.name,
    languages: suggestion.languages,
    hours: suggestion.hours.join("\n"),
    keywords: suggestion.handoff_keywords,
  });
  const [prompt, setPrompt] = useState(`---\nname: x\n---\n${t("prompt", { agent: "{{ agent }}" })}`);
  const writing = $api.useMutation("post", "/api/v1/agents/generate", {
    onSuccess: ({ source }) => {
      reread("/api/v1/agents/generate");
      setPrompt(source);
    },
  });
  const write = () => {
    const { description } = suggestion;
    writing.mutate({ body: { description, name: draft.name.trim() || undefined, knowledge: [collection] } });
  };
  const isWritable = canWrite && suggestion.description.length >= SHORTEST;
  const isBegun = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, with what was read
  useEffect(() => {
    if (!isWritable || isBegun.current) return;
    isBegun.current = true;
    write();
  }, []);
  const [leaves, setLeaves] = useState(isDemo);
  const [tried, setTried] = useState(false);
  const { create, step, error } = useCreation((agent) => void navigate({ to: "/", search: { agent } }));
  const set = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }));
  const languageName = useLanguageNames();
  const codes = [...new Set([...suggestion.languages, ...LANGUAGES])];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!draft.name.trim()) return;
    void create({ draft, prompt, collection, leavesDemo: leaves });
  };
  return (
    <Paper withBorder p={{ base: "md", sm: "lg" }} component="form" onSubmit={submit} noValidate>
      <Stack>
        <StepTitle>{t("review.title")}</StepTitle>
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
          data={codes.map((value) => ({ value, label: languageName(value) }))}
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
        <Textarea
          label={t("review.prompt")}
          description={t("review.promptAbout", { holes: "{{ agent }}" })}
          value={readPrompt(prompt).body}
          onChange={(event) => {
            const body = event.currentTarget.value;
            setPrompt((now) => writePrompt({ ...readPrompt(now), body }));
          }}
          autosize
          minRows={4}
          maxRows={14}
          maxLength={20_000}
          disabled={writing.isPending}
          dir="auto"
        />
        {isWritable && (
          <Group gap="sm">
            <Button variant="default" size="xs" onClick={write} loading={writing.isPending}>
              {t("review.write")}
            </Button>
            <Text size="xs" c="dimmed" role="status">
              {t(writing.isPending ? "review.writing" : "review.writeAbout")}
            </Text>
          </Group>
        )}
        {writing.error && <Failed error={writing.error} />}
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
