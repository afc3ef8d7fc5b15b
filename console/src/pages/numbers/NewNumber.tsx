// The form for a new number: the provider's fields, its name, and its agent.
import { Alert, Button, Group, Stack, TextInput, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { queries, reread } from "@/api/queries";
import { AgentSelect } from "@/parts/AgentSelect";
import { Failed, useReason } from "@/parts/States";
import { CheckResult } from "./CheckResult";
import { Fields } from "./Fields";
import { freeName } from "./freeName";
import { type Provider, proposalOf, type Values } from "./provider";
import { StepPlace } from "./SetupSteps";
import { openStep } from "./setup";
import { keepToken } from "./tokens";
import { useCheck } from "./useCheck";

const shape = /^[a-z0-9_-]{1,40}$/;

/** What was filled in so far. Without a name or an agent, one is suggested. */
export type Draft = { values: Values; slug?: string; agent?: string };

type Props = {
  provider: Provider;
  token?: string;
  draft: Draft;
  change: (change: (draft: Draft) => Draft) => void;
  back: () => void;
};

/** The required fields that are empty. */
function empty(provider: Provider, values: Values): string[] {
  return provider.fields.filter(({ name, required }) => required && !values[name]).map(({ name }) => name);
}

/** The number that is connected already with one of these values as its id, and the field of that value. */
function connected(numbers: Schemas["Number"][], provider: Provider, values: Values) {
  const ours = numbers.filter((number) => number.provider === provider.name);
  for (const { name, kind } of provider.fields) {
    const number = kind !== "secret" && ours.find(({ external_id }) => external_id === values[name]);
    if (number) return { field: name, number };
  }
}

export function NewNumber({ provider, token, draft, change, back }: Props) {
  const { t } = useTranslation(["numbers", "common"]);
  const navigate = useNavigate();
  const agents = $api.useQuery("get", "/api/v1/agents");
  const numbers = $api.useQuery("get", "/api/v1/numbers");
  const others = numbers.data ?? [];
  const reason = useReason();
  const form = useRef<HTMLFormElement>(null);
  const [tries, setTries] = useState(0);
  const tried = tries > 0;
  const proposal = proposalOf(provider);
  const values = useMemo(
    () => (proposal && token ? { ...draft.values, [proposal]: token } : draft.values),
    [draft.values, proposal, token],
  );
  const { verdicts, asked, asking } = useCheck(provider, values);
  const slug = draft.slug ?? freeName(provider.name, others);
  const taken = others.some((number) => number.slug === slug);
  // A single agent is selected by default.
  const agent = draft.agent ?? (agents.data?.length === 1 ? agents.data[0]?.slug : undefined) ?? null;
  const missing = empty(provider, values);
  const twin = connected(others, provider, values);
  const making = $api.useMutation("post", "/api/v1/numbers", {
    onSuccess: (number) => {
      if (token) keepToken(number.id, token);
      // The next number gets its own token and an empty form.
      queries.removeQueries({ queryKey: ["post", "/api/v1/numbers/draft"] });
      change(() => ({ values: {} }));
      reread("/api/v1/numbers");
      void navigate({
        to: "/numbers/$number",
        params: { number: number.id },
        search: { step: openStep(number, provider) ?? "finish" },
        replace: true,
      });
    },
  });
  // What the provider says of one field is shown beside it.
  const said = making.error && reason(making.error);
  const beside = Object.values(verdicts).some(({ ok, message }) => !ok && message === said);
  useEffect(() => {
    if (tries === 0 || making.isPending) return;
    form.current?.querySelector<HTMLElement>("[aria-invalid='true']")?.focus();
  }, [tries, making.isPending]);
  const save = () => {
    setTries(tries + 1);
    if (!shape.test(slug) || taken || !agent || missing.length > 0 || twin) return;
    making.mutate({ body: { slug, provider: provider.name, agent, fields: values } });
  };
  const wrongName = taken
    ? t("form.slugTaken")
    : !shape.test(slug) && (slug || tried)
      ? t("form.slugWrong")
      : undefined;
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Stack>
        <div>
          <StepPlace provider={provider} active="fields" />
          <Title order={2}>{t("step.fields")}</Title>
        </div>
        <Fields
          provider={provider}
          values={values}
          change={(field, value) => change((all) => ({ ...all, values: { ...all.values, [field]: value } }))}
          verdicts={verdicts}
          missing={tried ? missing : undefined}
          wrong={twin && { [twin.field]: t("form.twin", { name: twin.number.slug }) }}
        />
        <CheckResult provider={provider} asked={asked} asking={asking} />
        <TextInput
          label={t("form.slug")}
          description={t("form.slugAbout")}
          value={slug}
          onChange={(event) => {
            const slug = event.currentTarget.value.toLowerCase().replace(/\s+/g, "-");
            change((all) => ({ ...all, slug }));
          }}
          error={wrongName}
          dir="ltr"
          required
        />
        {agents.data?.length === 0 ? (
          <Alert color="orange">{t("form.noAgents")}</Alert>
        ) : (
          <AgentSelect
            label={t("form.agent")}
            description={t("form.agentAbout")}
            agents={agents.data}
            value={agent}
            onChange={(agent) => change((all) => ({ ...all, agent: agent ?? undefined }))}
            error={tried && !agent ? t("form.agentMissing") : undefined}
            required
          />
        )}
        {making.error && !beside && <Failed error={making.error} />}
        {agents.error && <Failed error={agents.error} again={() => void agents.refetch()} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={back}>
            {t("common:action.back")}
          </Button>
          <Button type="submit" loading={making.isPending || agents.isPending}>
            {t("form.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
