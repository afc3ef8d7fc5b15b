// The form that chooses a model: provider, address, key, and a model of the endpoint's list or of the machine; with a
// trial before it is saved.
import {
  Anchor,
  Autocomplete,
  Button,
  Group,
  PasswordInput,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { known } from "@/api/words";
import { type ModelRole, roleWords } from "@/parts/modelRole";
import { Failed } from "@/parts/States";
import {
  body,
  chosenOf,
  type Draft,
  fieldsOf,
  isComplete,
  keepsKey,
  opened,
  type Provider,
  providers,
  type Scope,
} from "./draft";
import { paramsOf, useSaving } from "./saving";
import { EndpointError, Trial } from "./Trial";

export const providerWords = {
  openai: "provider.openai",
  azure: "provider.azure",
  compatible: "provider.compatible",
  ollama: "provider.ollama",
  cohere: "provider.cohere",
  tei: "provider.tei",
  local: "provider.local",
  off: "provider.off",
} as const satisfies Record<Provider, string>;

const addressWords = {
  openai: "address.before",
  azure: "address.azure",
  compatible: "address.before",
  ollama: "address.ollama",
  cohere: "address.before",
  tei: "address.before",
  local: "address.before",
  off: "address.before",
} as const satisfies Record<Provider, string>;

/** What comes after the address. */
const paths: Record<ModelRole, string> = {
  chat: "/chat/completions",
  embeddings: "/embeddings",
  speech: "/audio/transcriptions",
  reranking: "/rerank",
};

const examples: Partial<Record<Provider, string>> = {
  azure: "https://NAME.openai.azure.com",
  compatible: "https://models.example/v1",
  ollama: "http://127.0.0.1:11434",
  tei: "http://127.0.0.1:8080",
};

type Props = {
  scope: Scope;
  settings: Schemas["ModelSettings"];
  /** Leaves the form; absent if there is no other state. */
  close?: () => void;
};

export function ModelForm({ scope, settings, close }: Props) {
  const { t } = useTranslation(["models", "common"]);
  const { role } = scope;
  const chosen = chosenOf(scope, settings);
  const [draft, setDraft] = useState<Draft>(() => opened(role, chosen));
  const listing = $api.useMutation("post", "/api/v1/settings/models/{role}/list");
  const trial = $api.useMutation("post", "/api/v1/settings/models/{role}/test");
  const saving = useSaving(scope, { onDone: close });
  const change = (changes: Partial<Draft>) => {
    setDraft({ ...draft, ...changes });
    // What another endpoint or model said no longer holds.
    if (!("model" in changes) || changes.provider) listing.reset();
    trial.reset();
    saving.reset();
  };
  const { provider, model } = draft;
  const fields = fieldsOf(provider);
  const sent = () => ({ params: paramsOf(scope), body: body(draft, chosen) });
  const error = listing.error ?? trial.error ?? saving.error;
  return (
    <form
      noValidate
      aria-label={t("form.of", { task: t(roleWords[role]) })}
      onSubmit={(event) => {
        event.preventDefault();
        saving.mutate(sent());
      }}
    >
      <Stack>
        <Select
          label={t("provider.label")}
          data={providers[role].map((value) => ({
            value,
            label:
              value === "compatible" && role === "reranking"
                ? t("provider.compatibleReranker")
                : t(providerWords[value]),
          }))}
          value={provider}
          allowDeselect={false}
          onChange={(next) => next && change({ provider: next, address: "", key: "", model: "" })}
        />
        {fields.address && (
          <TextInput
            label={t("address.label")}
            description={t(known(addressWords, provider, "address.before"), { path: paths[role] })}
            placeholder={examples[provider]}
            dir="ltr"
            value={draft.address}
            onChange={(event) => change({ address: event.currentTarget.value })}
          />
        )}
        {fields.key && <KeyField draft={draft} isKept={keepsKey(draft, chosen)} change={change} />}
        {provider === "local" && (
          <LocalModelSelect models={settings.local} role={role} model={model} change={change} />
        )}
        {fields.key && fields.model && (
          <EndpointModelField
            draft={draft}
            role={role}
            names={listing.data?.models ?? []}
            change={change}
            button={
              <Button variant="default" loading={listing.isPending} onClick={() => listing.mutate(sent())}>
                {t("model.list")}
              </Button>
            }
          />
        )}
        {provider === "off" && <Text size="sm">{t(`without.${role}`)}</Text>}
        <Stack gap="xs" aria-live="polite">
          {listing.data && !listing.data.failure && (
            <Text size="sm" c="dimmed" data-testid="listed">
              {listing.data.models.length > 0
                ? t("model.listed", { count: listing.data.models.length })
                : t("model.none")}
            </Text>
          )}
          {listing.data?.failure && <EndpointError failure={listing.data.failure} />}
          {trial.data && <Trial trial={trial.data} role={role} />}
        </Stack>
        {error && <Failed error={error} />}
        <Group justify="flex-end" gap="xs">
          {close && (
            <Button variant="subtle" onClick={close}>
              {t("common:action.cancel")}
            </Button>
          )}
          {provider !== "off" && (
            <Button
              variant="default"
              disabled={!isComplete(role, draft)}
              loading={trial.isPending}
              onClick={() => trial.mutate(sent())}
            >
              {t("form.test")}
            </Button>
          )}
          <Button type="submit" disabled={!isComplete(role, draft)} loading={saving.isPending}>
            {t("common:action.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

type Change = (changes: Partial<Draft>) => void;

type KeyFieldProps = { draft: Draft; isKept: boolean; change: Change };

function KeyField({ draft: { provider, key }, isKept, change }: KeyFieldProps) {
  const { t } = useTranslation("models");
  const about = fieldsOf(provider).key === "required" ? "key.about" : "key.optional";
  return (
    <PasswordInput
      label={t("key.label")}
      description={t(isKept ? "key.kept" : about)}
      placeholder={isKept ? "••••••••" : ""}
      autoComplete="off"
      dir="ltr"
      value={key}
      visibilityToggleButtonProps={{ "aria-label": t("key.show") }}
      onChange={(event) => change({ key: event.currentTarget.value })}
    />
  );
}

type EndpointModelFieldProps = {
  draft: Draft;
  role: ModelRole;
  names: string[];
  change: Change;
  button: ReactNode;
};

function EndpointModelField({ draft, role, names, change, button }: EndpointModelFieldProps) {
  const { t } = useTranslation("models");
  const isOptional = isComplete(role, { ...draft, model: "" });
  const about = draft.provider === "azure" ? "model.azure" : isOptional ? "model.optional" : "model.about";
  return (
    <Group align="flex-end" gap="xs">
      <Autocomplete
        label={t("model.label")}
        description={t(about)}
        data={names}
        dir="ltr"
        style={{ flex: "1 1 260px" }}
        limit={100}
        value={draft.model}
        onChange={(model) => change({ model })}
      />
      {button}
    </Group>
  );
}

type LocalModelSelectProps = {
  models: Schemas["LocalModel"][];
  role: ModelRole;
  model: string;
  change: Change;
};

/** Chooses among the models of the machine that are there. */
function LocalModelSelect({ models, role, model, change }: LocalModelSelectProps) {
  const { t } = useTranslation("models");
  const names = models.filter(({ task, installed }) => installed && task === role).map(({ name }) => name);
  if (names.length === 0)
    return (
      <Text size="sm" role="note">
        {t("model.noLocal")} <Anchor href="#local-models">{t("model.download")}</Anchor>
      </Text>
    );
  return (
    <Select
      label={t("model.label")}
      description={t("model.local")}
      data={names}
      dir="ltr"
      value={model || null}
      allowDeselect={false}
      onChange={(next) => next && change({ model: next })}
    />
  );
}
