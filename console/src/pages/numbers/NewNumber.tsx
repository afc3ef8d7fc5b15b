// The form for a new number: its name, its agent, and the provider's fields.
import { Alert, Button, Group, Stack, TextInput, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { queries, reread } from "@/api/queries";
import { AgentSelect } from "@/parts/AgentSelect";
import { Failed } from "@/parts/States";
import { Fields } from "./Fields";
import { Found } from "./Found";
import { type Provider, token as tokenField, type Values } from "./provider";
import { keepToken } from "./tokens";
import { useCheck } from "./useCheck";

const shape = /^[a-z0-9_-]{1,40}$/;

type Props = { provider: Provider; token?: string; back: () => void };

/** The required fields that are empty. */
function empty(provider: Provider, values: Values): string[] {
  return provider.fields.filter(({ name, required }) => required && !values[name]).map(({ name }) => name);
}

export function NewNumber({ provider, token, back }: Props) {
  const { t } = useTranslation(["numbers", "common"]);
  const navigate = useNavigate();
  const agents = $api.useQuery("get", "/api/v1/agents");
  const [slug, setSlug] = useState<string>(provider.name);
  const [chosen, setAgent] = useState<string | null>(null);
  const [values, setValues] = useState<Values>(token ? { [tokenField]: token } : {});
  const [tried, setTried] = useState(false);
  const { verdicts, asked, asking } = useCheck(provider, values);
  const making = $api.useMutation("post", "/api/v1/numbers");
  // A single agent is selected by default.
  const agent = chosen ?? (agents.data?.length === 1 ? agents.data[0]?.slug : undefined) ?? null;
  const missing = empty(provider, values);
  const save = () => {
    setTried(true);
    if (!shape.test(slug) || !agent || missing.length > 0) return;
    making.mutate(
      { body: { slug, provider: provider.name, agent, fields: values } },
      {
        onSuccess: (number) => {
          if (token) keepToken(number.id, token);
          // The next number gets its own token.
          queries.removeQueries({ queryKey: ["post", "/api/v1/numbers/draft"] });
          reread("/api/v1/numbers");
          void navigate({ to: "/numbers/$number", params: { number: number.id }, replace: true });
        },
      },
    );
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <Stack>
        <Title order={2}>{t("step.fields")}</Title>
        <Fields
          provider={provider}
          values={values}
          change={(field, value) => setValues((all) => ({ ...all, [field]: value }))}
          verdicts={verdicts}
          missing={tried ? missing : undefined}
        />
        <TextInput
          label={t("form.slug")}
          description={t("form.slugAbout")}
          value={slug}
          onChange={(event) => setSlug(event.currentTarget.value.toLowerCase().replace(/\s+/g, "-"))}
          error={!shape.test(slug) && (slug || tried) ? t("form.slugWrong") : undefined}
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
            onChange={setAgent}
            error={tried && !agent ? t("form.agentMissing") : undefined}
            required
          />
        )}
        <Found provider={provider} asked={asked} asking={asking} />
        {making.error && <Failed error={making.error} />}
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
