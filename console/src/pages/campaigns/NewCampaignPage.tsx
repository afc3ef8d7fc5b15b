// A new campaign: its name and number, who gets it, what they get, and where they agreed. It sends nothing yet.
import { Alert, Button, Group, NumberInput, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { NoTemplateNumber } from "@/parts/NoTemplateNumber";
import { Page } from "@/parts/Page";
import { Async, Failed } from "@/parts/States";
import { filled, isUnchanged, type Template, type TypedValues, templateKey } from "@/parts/template";
import { useHere } from "@/parts/useHere";
import { type TemplateChoice, TemplatePicker } from "../inbox/TemplatePicker";
import { focusProblem, TemplateValues } from "../inbox/TemplateValues";
import { useTemplateNumbers } from "../numbers/templateNumbers";
import { AddedReport } from "./AddedReport";
import { campaignProblems, withColumns } from "./campaign";
import { bodyOf } from "./list";
import { columnsOf, emptySource, RecipientSource, sourceOf } from "./RecipientSource";

export function NewCampaignPage() {
  const { t } = useTranslation("campaigns");
  const numbers = useTemplateNumbers();
  return (
    <Page
      title={t("new.title")}
      about={t("new.about")}
      back={{ to: "/campaigns", label: t("title") }}
      widest={860}
    >
      <Async query={numbers} shape="form" empty={<NoTemplateNumber />}>
        {(choices) => <CampaignForm numbers={choices} />}
      </Async>
    </Page>
  );
}

/** Creates the campaign, then adds its recipients. */
function useCreation() {
  const navigate = useNavigate();
  const here = useHere();
  const recipients = useRef<Schemas["NewRecipients"]>(undefined);
  const creating = $api.useMutation("post", "/api/v1/campaigns", {
    onSuccess: ({ id }) => {
      reread("/api/v1/campaigns");
      if (recipients.current) adding.mutate({ params: { path: { id } }, body: recipients.current });
    },
  });
  const adding = $api.useMutation("post", "/api/v1/campaigns/{id}/recipients", {
    onSuccess: ({ added, rejected }, { params }) => {
      // What cannot be used is read before one goes on.
      if (!here.current || rejected > 0 || added === 0) return;
      void navigate({ to: "/campaigns/$campaign", params: { campaign: params.path.id } });
    },
  });
  const create = (body: Schemas["CampaignRequest"], wanted: Schemas["NewRecipients"]) => {
    recipients.current = wanted;
    creating.mutate({ body });
  };
  return { create, creating, adding };
}

function CampaignForm({ numbers }: { numbers: { value: string; label: string }[] }) {
  const { t } = useTranslation(["campaigns", "inbox"]);
  const { create, creating, adding } = useCreation();
  const [fields, setFields] = useState({ name: "", optIn: "" });
  const [pace, setPace] = useState<number>();
  const [number, setNumber] = useState(numbers.length === 1 ? numbers[0]?.value : undefined);
  const [source, setSource] = useState(emptySource);
  const [template, setTemplate] = useState<Template>();
  const [typed, setTyped] = useState<Readonly<Record<string, TypedValues>>>({});
  const [isAsked, setAsked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const choice = useRef<TemplateChoice>(undefined);
  const columns = columnsOf(source);
  const values = (template && typed[templateKey(template)]) ?? {};
  const problems = template ? campaignProblems(template, values, columns) : new Map();
  const first = source.kind === "list" ? source.list?.first : undefined;
  const focus = (name: string) => {
    const field = form.current?.querySelector(`[name="${name}"], [data-wrong]`);
    if (field instanceof HTMLElement) field.focus();
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    const name = fields.name.trim();
    const opt_in = fields.optIn.trim();
    const recipients = sourceOf(source);
    if (!name) return focus("name");
    if (!number) return focus("number");
    // The page says that a list is missing once it is drawn again.
    if (!recipients) return void requestAnimationFrame(() => focus("list"));
    if (!template || !isUnchanged(template, choice.current?.current)) return;
    if (focusProblem(form.current, template, problems)) return;
    if (!opt_in) return focus("optIn");
    if (creating.isPending || adding.isPending) return;
    const { name: called, language, values: given } = filled(template, values).reply;
    create(
      { name, number_id: number, opt_in, pace, template: { name: called, language, values: given } },
      bodyOf(recipients),
    );
  };
  const field = (name: keyof typeof fields, missing: string) => ({
    name,
    value: fields[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setFields({ ...fields, [name]: event.currentTarget.value }),
    error: isAsked && !fields[name].trim() ? missing : undefined,
    required: true,
    dir: "auto",
  });
  if (creating.data && (adding.data || adding.error))
    return <CreatedCampaign campaign={creating.data} report={adding.data} error={adding.error} />;
  return (
    <form onSubmit={send} noValidate ref={form} autoComplete="off">
      <Stack gap="xl">
        <FormSection title={t("form.what")}>
          <TextInput
            label={t("form.name")}
            description={t("form.nameAbout")}
            maxLength={100}
            maw={480}
            {...field("name", t("form.nameMissing"))}
          />
          <Select
            label={t("form.number")}
            name="number"
            data={numbers}
            value={number ?? null}
            onChange={(next) => {
              setNumber(next ?? undefined);
              if (next !== number) setTemplate(undefined);
            }}
            allowDeselect={false}
            required
            maw={480}
            error={isAsked && !number ? t("form.numberMissing") : undefined}
          />
        </FormSection>
        <FormSection title={t("form.who")}>
          <RecipientSource draft={source} change={setSource} isAsked={isAsked} />
          <TextInput
            label={t("form.optIn")}
            description={t("form.optInAbout")}
            maxLength={300}
            {...field("optIn", t("form.optInMissing"))}
          />
        </FormSection>
        <FormSection title={t("form.message")} about={t("form.messageAbout")}>
          {number ? (
            <TemplatePicker
              key={number}
              number={number}
              template={template}
              choose={setTemplate}
              focused={false}
            >
              {(chosen) => {
                choice.current = chosen;
                const key = templateKey(chosen.template);
                return (
                  <TemplateValues
                    {...chosen}
                    values={values}
                    type={(name, value) => setTyped({ ...typed, [key]: { ...values, [name]: value } })}
                    problems={problems}
                    isAsked={isAsked}
                    columns={columns ?? []}
                    shown={withColumns(values, (column) => first?.[column])}
                  />
                );
              }}
            </TemplatePicker>
          ) : (
            <Text size="sm">{t("form.numberFirst")}</Text>
          )}
        </FormSection>
        <FormSection title={t("form.speed")}>
          <NumberInput
            label={t("form.pace")}
            description={t("form.paceAbout")}
            min={1}
            max={600_000}
            allowDecimal={false}
            maw={480}
            value={pace ?? ""}
            onChange={(next) => setPace(typeof next === "number" ? next : undefined)}
          />
        </FormSection>
        {creating.error && <Failed error={creating.error} />}
        <Group gap="sm">
          <Button type="submit" loading={creating.isPending || adding.isPending}>
            {t("form.create")}
          </Button>
          <Text size="sm" c={isAsked && !template ? "var(--mantine-color-error)" : "dimmed"} role="status">
            {t(isAsked && number && !template ? "form.templateMissing" : "form.nothingYet")}
          </Text>
        </Group>
      </Stack>
    </form>
  );
}

function FormSection({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  const id = useId();
  return (
    <Stack component="section" gap="sm" aria-labelledby={id}>
      <div>
        <Title order={2} size="h3" id={id}>
          {title}
        </Title>
        {about && (
          <Text size="sm" c="dimmed">
            {about}
          </Text>
        )}
      </div>
      {children}
    </Stack>
  );
}

type CreatedCampaignProps = {
  campaign: Schemas["Campaign"];
  report: Schemas["RecipientsAdded"] | undefined;
  error: unknown;
};

/** The draft is there, and not all of its recipients are. */
function CreatedCampaign({ campaign, report, error }: CreatedCampaignProps) {
  const { t } = useTranslation("campaigns");
  return (
    <Stack>
      <Alert color="teal" icon={<IconCircleCheck aria-hidden />} title={t("createdDraft.title")}>
        {t(report ? "createdDraft.some" : "createdDraft.none")}
      </Alert>
      {!!error && <Failed error={error} />}
      {report && <AddedReport report={report} />}
      <div>
        <Button
          renderRoot={(props) => (
            <Link to="/campaigns/$campaign" params={{ campaign: campaign.id }} {...props} />
          )}
        >
          {t("createdDraft.open")}
        </Button>
      </div>
    </Stack>
  );
}
