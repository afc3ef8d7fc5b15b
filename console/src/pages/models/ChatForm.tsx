// The form that chooses the model: provider, address, key, and a model of the endpoint's list; with a trial before it is
// saved.
import { Autocomplete, Button, Group, PasswordInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { known, wordsOf } from "@/api/words";
import { Failed } from "@/parts/States";
import { useSay } from "@/parts/say";
import { body, type Draft, keepsKey, ofModel, opened, type Provider } from "./draft";
import { EndpointError, Trial } from "./Trial";

const providers = {
  openai: "provider.openai",
  azure: "provider.azure",
  compatible: "provider.compatible",
  ollama: "provider.ollama",
} as const satisfies Record<Provider, string>;

const examples: Record<Provider, string> = {
  openai: "",
  azure: "https://NAME.openai.azure.com",
  compatible: "https://models.example/v1",
  ollama: "http://127.0.0.1:11434",
};

type Props = {
  chosen?: Schemas["ChosenModel"] /** Leaves the form; absent if there is no other state. */;
  close?: () => void;
};

export function ChatForm({ chosen, close }: Props) {
  const { t } = useTranslation(["models", "common"]);
  const say = useSay();
  const [draft, setDraft] = useState<Draft>(() => opened(chosen));
  const listing = $api.useMutation("post", "/api/v1/settings/models/chat/list");
  const trial = $api.useMutation("post", "/api/v1/settings/models/chat/test");
  const saving = $api.useMutation("put", "/api/v1/settings/models/chat", {
    onSuccess: () => {
      reread(...ofModel);
      say.done(t("chat.saved", { model: draft.model }));
      close?.();
    },
  });
  const change = (changes: Partial<Draft>) => {
    setDraft({ ...draft, ...changes });
    // What another endpoint or model said no longer holds.
    if (!("model" in changes)) listing.reset();
    trial.reset();
    saving.reset();
  };
  const { provider, address, key, model } = draft;
  const kept = keepsKey(draft, chosen);
  const wantsKey = provider === "openai" || provider === "azure";
  const keyAbout = () => {
    if (kept) return t("key.kept");
    return wantsKey ? t("key.about") : t("key.optional");
  };
  const sent = () => ({ body: body(draft, chosen) });
  return (
    <form
      noValidate
      aria-label={t("chat.form")}
      onSubmit={(event) => {
        event.preventDefault();
        saving.mutate(sent());
      }}
    >
      <Stack>
        <Select
          label={t("provider.label")}
          data={wordsOf(providers).map((value) => ({
            value,
            label: t(known(providers, value, "provider.compatible")),
          }))}
          value={provider}
          allowDeselect={false}
          onChange={(next) => next && change({ provider: next, address: "", key: "", model: "" })}
        />
        {provider !== "openai" && (
          <TextInput
            label={t("address.label")}
            description={t(`address.${provider}`)}
            placeholder={known(examples, provider, "")}
            dir="ltr"
            value={address}
            onChange={(event) => change({ address: event.currentTarget.value })}
          />
        )}
        <PasswordInput
          label={t("key.label")}
          description={keyAbout()}
          placeholder={kept ? "••••••••" : ""}
          autoComplete="off"
          dir="ltr"
          value={key}
          visibilityToggleButtonProps={{ "aria-label": t("key.show") }}
          onChange={(event) => change({ key: event.currentTarget.value })}
        />
        <Group align="flex-end" gap="xs">
          <Autocomplete
            label={t("model.label")}
            description={t(provider === "azure" ? "model.azure" : "model.about")}
            data={listing.data?.models ?? []}
            dir="ltr"
            style={{ flex: "1 1 260px" }}
            limit={100}
            value={model}
            onChange={(next) => change({ model: next })}
          />
          <Button variant="default" loading={listing.isPending} onClick={() => listing.mutate(sent())}>
            {t("model.list")}
          </Button>
        </Group>
        <Stack gap="xs" aria-live="polite">
          {listing.data && !listing.data.failure && (
            <Text size="sm" c="dimmed" data-testid="listed">
              {listing.data.models.length > 0
                ? t("model.listed", { count: listing.data.models.length })
                : t("model.none")}
            </Text>
          )}
          {listing.data?.failure && <EndpointError failure={listing.data.failure} />}
          {trial.data && <Trial trial={trial.data} model={model} />}
        </Stack>
        {(listing.error ?? trial.error ?? saving.error) && (
          <Failed error={listing.error ?? trial.error ?? saving.error} />
        )}
        <Group justify="flex-end" gap="xs">
          {close && (
            <Button variant="subtle" onClick={close}>
              {t("common:action.cancel")}
            </Button>
          )}
          <Button
            variant="default"
            disabled={model.trim() === ""}
            loading={trial.isPending}
            onClick={() => trial.mutate(sent())}
          >
            {t("chat.test")}
          </Button>
          <Button type="submit" disabled={model.trim() === ""} loading={saving.isPending}>
            {t("common:action.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
