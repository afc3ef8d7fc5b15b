// Creates or edits a case of a suite, beside the YAML that it becomes.
import { Alert, Box, Code, Grid, Modal, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconInfoCircle } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { AgentSelect } from "@/parts/AgentSelect";
import { FormEnd } from "@/parts/FormEnd";
import { useSay } from "@/parts/say";
import { CheckFields } from "./CheckFields";
import { caseYaml, type Draft, firstWords, MAX_TITLE } from "./caseYaml";
import { expectedOf, isUnfilled, newCheck } from "./checks";

/** A case with its place in its suite, from 0. */
export type SuiteCase = { at: number; hash: string; title: string; form: Schemas["CaseForm"] };

type Props = {
  /** What is edited; undefined when the form is closed. */
  editing: SuiteCase | "new" | undefined;
  /** The suite; without one, the agent is chosen, and the case goes into its own. */
  suite?: Schemas["Suite"];
  close: () => void;
  onSaved?: (suite: string) => void;
};

export function CaseForm({ editing, close, ...props }: Props) {
  const { t } = useTranslation("evals");
  const [busy, setBusy] = useState(false);
  return (
    <Modal
      opened={!!editing}
      // A case that is being saved would close the next dialog.
      onClose={busy ? () => {} : close}
      size={960}
      title={t(editing === "new" ? "form.newTitle" : "form.editTitle")}
    >
      {editing && (
        <Form placed={editing === "new" ? undefined : editing} close={close} onBusy={setBusy} {...props} />
      )}
    </Modal>
  );
}

const fresh: Draft = {
  title: "",
  text: "",
  history: [],
  checks: [newCheck("answered"), newCheck("rouge-n")],
};

/** A case as the form shows it. A title that is the message's first words follows the message. */
function draftOf({ title, form }: SuiteCase): Draft {
  return { ...form, title: title === firstWords(form.text) ? "" : title };
}

type FormProps = Omit<Props, "editing"> & { placed: SuiteCase | undefined; onBusy: (busy: boolean) => void };

function Form({ placed, suite, close, onSaved, onBusy }: FormProps) {
  const { t } = useTranslation("evals");
  const { t: c } = useTranslation();
  const say = useSay();
  const agents = $api.useQuery("get", "/api/v1/agents");
  const known = agents.data?.map(({ slug }) => slug) ?? [];
  const [chosen, setChosen] = useState<string>();
  const agent = known.find((slug) => slug === (chosen ?? suite?.agent)) ?? known[0] ?? "";
  const [isTried, setTried] = useState(false);
  const form = useForm<Draft>({
    initialValues: placed ? draftOf(placed) : fresh,
    validate: {
      text: (text) => (text.trim() ? null : t("form.missing")),
      // Marked beside each check.
      checks: (checks) => checks.length === 0 || checks.some(isUnfilled),
    },
  });
  const saving = $api.useMutation("post", "/api/v1/evals/cases", {
    onSuccess: (saved) => {
      // The suite has another case with this message, and nothing was written.
      if (!saved.added) return;
      reread("/api/v1/evals/suites", "/api/v1/evals/cases");
      say.done(t("form.saved"));
      close();
      onSaved?.(saved.suite);
    },
  });
  const busy = saving.isPending;
  useEffect(() => {
    onBusy(busy);
    return () => onBusy(false);
  }, [busy, onBusy]);
  const { title, text, history, checks } = form.values;
  const submit = form.onSubmit(
    () =>
      saving.mutate({
        body: {
          agent,
          suite: suite?.name,
          title: title.trim() || null,
          text,
          history,
          checks,
          reply: expectedOf(checks),
          replaces: placed && { at: placed.at, hash: placed.hash },
        },
      }),
    () => setTried(true),
  );
  return (
    <form onSubmit={submit} noValidate>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack>
            {!suite && known.length > 1 && (
              <AgentSelect
                label={t("start.agent")}
                description={t("form.goesInto", { suite: `saved-${agent}.yaml` })}
                agents={agents.data}
                value={agent}
                onChange={(next) => setChosen(next ?? undefined)}
                allowDeselect={false}
              />
            )}
            {history.length > 0 && <History lines={history} />}
            <Textarea
              label={t("form.text")}
              autosize
              minRows={2}
              maxRows={8}
              dir="auto"
              data-autofocus
              {...form.getInputProps("text")}
            />
            <CheckFields
              checks={checks}
              onChange={(next) => form.setFieldValue("checks", next)}
              agent={agent}
              isTried={isTried}
            />
            <TextInput
              label={t("form.name")}
              placeholder={firstWords(text)}
              description={t("form.nameAbout")}
              maxLength={MAX_TITLE}
              dir="auto"
              {...form.getInputProps("title")}
            />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack gap="sm" pos="sticky" top={0}>
            <Box component="section" aria-label={t("form.yaml")}>
              <Text size="sm" fw={600} mb={6}>
                {t("form.yaml")}
              </Text>
              <Code
                block
                dir="ltr"
                ta="start"
                tabIndex={0}
                role="group"
                aria-label={t("form.yaml")}
                mah={420}
                style={{ whiteSpace: "pre-wrap" }}
              >
                {caseYaml(form.values)}
              </Code>
            </Box>
            {saving.data && !saving.data.added && (
              <Alert color="orange" icon={<IconInfoCircle aria-hidden />} role="alert">
                {t("form.there")}
              </Alert>
            )}
            <FormEnd yes={c("action.save")} close={close} busy={busy} error={saving.error} />
          </Stack>
        </Grid.Col>
      </Grid>
    </form>
  );
}

/** The earlier messages of a case, which cannot be changed here. */
function History({ lines }: { lines: Schemas["EarlierMessage"][] }) {
  const { t } = useTranslation("evals");
  return (
    <Box component="section" aria-label={t("form.history")}>
      <Text size="sm" fw={600} mb={4}>
        {t("form.history")}
      </Text>
      <Stack gap={4} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {lines.map(({ speaker, text }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: earlier messages stay where they are.
          <Text key={at} component="li" size="sm" style={{ whiteSpace: "pre-wrap" }}>
            <Text span size="xs" c="dimmed">
              {t(`case.${speaker}`)}:
            </Text>{" "}
            <bdi>{text}</bdi>
          </Text>
        ))}
      </Stack>
    </Box>
  );
}
