// The form that starts a run: suite, agent version, how many cases, and the baseline.
import {
  Alert,
  Checkbox,
  Collapse,
  Group,
  Modal,
  NumberInput,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconInfoCircle } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { AgentSelect } from "@/parts/AgentSelect";
import { useAgentNames } from "@/parts/agentName";
import { FormEnd } from "@/parts/FormEnd";
import { useVersionName } from "./AnsweringAgents";
import { useRuns } from "./useRuns";

type Props = {
  /** The preselected suite; undefined when the form is closed. */
  suite: string | undefined;
  suites: Schemas["Suite"][];
  onClose: () => void;
};

/** A prompt file that is not published. */
export type PromptDraft = { agent: string; source: string };

/** The form's values. A cleared number field holds an empty string. */
type RunFormValues = Record<"suite" | "agent" | "version" | "prompt" | "pattern", string> &
  Record<"first" | "repeat", number | string> & { all: boolean; baseline: string | null };

const pasted = "pasted";
const own = "own";
const live = "live";

export function StartRun({ suite, suites, onClose }: Props) {
  const { t } = useTranslation("evals");
  return (
    <Modal opened={suite !== undefined} onClose={onClose} title={t("start.title")} size="lg">
      {suite !== undefined && <StartForm suite={suite} suites={suites} onClose={onClose} />}
    </Modal>
  );
}

type FormProps = Props & {
  suite: string;
  /** What is tried; without it, the agent is chosen. */
  draft?: PromptDraft;
};

export function StartForm({ suite, suites, draft, onClose }: FormProps) {
  const { t } = useTranslation("evals");
  const navigate = useNavigate();
  const agentNamed = useAgentNames();
  const form = useForm<RunFormValues>({
    initialValues: {
      suite,
      agent: "",
      version: draft ? own : live,
      prompt: "",
      all: true,
      first: 10,
      repeat: 1,
      pattern: "",
      baseline: null,
    },
  });
  const { values } = form;
  const agents = $api.useQuery("get", "/api/v1/agents", {});
  const asks = suites.find(({ name }) => name === values.suite)?.agent;
  const known = agents.data?.map(({ slug }) => slug) ?? [];
  const agent = draft?.agent || values.agent || (asks && known.includes(asks) ? asks : (known[0] ?? ""));
  const versions = $api.useQuery(
    "get",
    "/api/v1/agents/{agent}/versions",
    { params: { path: { agent }, query: { limit: 50 } } },
    { enabled: !!agent },
  );
  const begin = $api.useMutation("post", "/api/v1/evals/runs");
  const start = form.onSubmit((chosen) => {
    const known = versions.data?.items.find(({ id }) => id === chosen.version)?.source;
    const source = { [pasted]: chosen.prompt, [own]: draft?.source }[chosen.version] ?? known;
    begin.mutate(
      {
        body: {
          suite: chosen.suite,
          agent: source ? agent : null,
          prompt: source || null,
          first: chosen.all ? null : Number(chosen.first) || null,
          repeat: Number(chosen.repeat) > 1 ? Number(chosen.repeat) : null,
          pattern: chosen.pattern.trim() || null,
          baseline: chosen.baseline,
        },
      },
      {
        onSuccess: ({ id }) => {
          reread("/api/v1/evals/runs");
          onClose();
          void navigate({ to: "/evals/$run", params: { run: id } });
        },
      },
    );
  });
  return (
    <form onSubmit={start}>
      <Stack>
        <Select
          label={t("start.suite")}
          data={suites.map(({ name, title }) => ({
            value: name,
            label: title === name ? name : `${title} (${name})`,
          }))}
          allowDeselect={false}
          {...form.getInputProps("suite")}
        />
        {!draft && known.length > 1 && (
          <AgentSelect
            label={t("start.agent")}
            agents={agents.data}
            value={agent}
            onChange={(next) => form.setValues({ agent: next ?? "", version: live })}
            allowDeselect={false}
          />
        )}
        <Select
          label={t("start.version")}
          description={t("start.versionAbout")}
          data={[
            ...(draft ? [{ value: own, label: t("start.own") }] : []),
            { value: live, label: t("start.live") },
            ...(versions.data?.items ?? [])
              .filter((one) => !one.live)
              .map(({ id, version }) => ({
                value: id,
                label: t("start.number", { version: String(version) }),
              })),
            { value: pasted, label: t("start.draft") },
          ]}
          allowDeselect={false}
          {...form.getInputProps("version")}
        />
        {asks && asks !== agent && values.version !== live && (
          <Alert color="orange" icon={<IconInfoCircle aria-hidden />} role="status">
            {t("start.otherAgent", { agent: agentNamed(asks) })}
          </Alert>
        )}
        {values.version === pasted && (
          <Textarea
            label={t("start.prompt")}
            autosize
            minRows={4}
            maxRows={14}
            required
            dir="auto"
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
            {...form.getInputProps("prompt")}
          />
        )}
        <div>
          <Checkbox label={t("start.all")} {...form.getInputProps("all", { type: "checkbox" })} />
          <Collapse expanded={!values.all}>
            <NumberInput
              label={t("start.first")}
              min={1}
              mt="xs"
              maw={200}
              {...form.getInputProps("first")}
            />
          </Collapse>
        </div>
        <Group align="flex-start" grow preventGrowOverflow={false} wrap="wrap">
          <NumberInput
            label={t("start.repeat")}
            min={1}
            max={100}
            miw={140}
            {...form.getInputProps("repeat")}
          />
          <TextInput
            label={t("start.pattern")}
            description={t("start.patternAbout")}
            miw={220}
            dir="auto"
            {...form.getInputProps("pattern")}
          />
        </Group>
        <Comparison
          suite={suites.find(({ name }) => name === values.suite)}
          value={values.baseline}
          onChange={(next) => form.setFieldValue("baseline", next)}
        />
        <FormEnd yes={t("start.go")} close={onClose} busy={begin.isPending} error={begin.error} />
      </Stack>
    </form>
  );
}

/** Returns a function that names each run of a list in one line. */
export function useRunNames() {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const version = useVersionName();
  return ({ created_at, counts, wanted, agents }: Schemas["Run"]) => {
    const parts = [format.full(created_at)];
    const { passed = 0, failed = 0, errors = 0 } = counts ?? {};
    if (counts)
      parts.push(
        t("runs.passed", { passed: format.count(passed), all: format.count(passed + failed + errors) }),
      );
    if (agents.length > 0) parts.push(...agents.map(version));
    else if (wanted?.prompt) parts.push(t("runs.tried"));
    return parts.join(" · ");
  };
}

type ComparisonProps = {
  suite: Schemas["Suite"] | undefined;
  value: string | null;
  onChange: (next: string | null) => void;
};

/** What the run is compared with: the suite's accepted scores, where there are some, or an earlier run. */
function Comparison({ suite, value, onChange }: ComparisonProps) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const { data: runs } = useRuns();
  const name = useRunNames();
  const accepted = suite?.baseline;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what one suite is compared with is nothing to another.
  useEffect(() => onChange(accepted?.file ?? null), [suite?.name, accepted?.file]);
  const earlier = (runs ?? []).filter((run) => run.suite === suite?.name && run.state === "done");
  const data = [
    ...(accepted
      ? [{ value: accepted.file, label: t("start.accepted", { when: format.ago(accepted.accepted_at) }) }]
      : []),
    ...earlier.map((run) => ({ value: run.id, label: name(run) })),
  ];
  if (data.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t("start.noBaseline")}
      </Text>
    );
  return (
    <Select
      label={t("start.baseline")}
      description={t("start.baselineAbout")}
      placeholder={t("start.none")}
      data={data}
      clearable
      clearButtonProps={{ "aria-label": t("start.none") }}
      value={value}
      onChange={onChange}
    />
  );
}
