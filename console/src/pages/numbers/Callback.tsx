// The webhook setup: what to copy to the provider, and whether it has called.
import { Alert, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { CopyableText } from "@/parts/CopyableText";
import { useSay } from "@/parts/say";
import { LocalAddress } from "./LocalAddress";
import {
  type Proposal,
  type Provider,
  parted,
  proposalOf,
  type Step,
  shakesHands,
  useWords,
} from "./provider";
import { Steps } from "./Steps";
import { keepToken, tokenOf } from "./tokens";

type Props = { number: Schemas["Number"]; provider: Provider };

export function Callback({ number, provider }: Props) {
  const { t } = useTranslation("numbers");
  const { brand } = useWords(provider);
  const title = brand(provider);
  const proposal = proposalOf(provider);
  const shown = (step: Step) => (
    <Stack gap="sm" w="100%">
      {step.shows.includes("callback_url") && (
        <div>
          <Text size="sm" fw={500}>
            {t("callback.url")}
          </Text>
          <CopyableText value={number.webhook_url} label={t("callback.url")} />
        </div>
      )}
      {proposal && step.shows.includes(proposal) && (
        <Token number={number} provider={provider} proposal={proposal} />
      )}
    </Stack>
  );
  return (
    <Stack>
      {shakesHands(provider) && <LocalAddress address={number.webhook_url} provider={title} />}
      <Text size="sm">{t(number.connection ? "link.about" : "callback.about", { provider: title })}</Text>
      <Steps provider={provider} steps={parted(provider).after} shown={shown} />
      {proposal && <Handshake number={number} title={title} />}
    </Stack>
  );
}

function Token({ number, provider, proposal }: Props & { proposal: Proposal }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const [token, setToken] = useState(tokenOf(number.id));
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      const { data } = await api.POST("/api/v1/numbers/draft", { body: { provider: provider.name } });
      const made = data?.[proposal];
      if (!made) return;
      await api.PATCH("/api/v1/numbers/{id}", {
        params: { path: { id: number.id } },
        body: { fields: { [proposal]: made } },
      });
      keepToken(number.id, made);
      setToken(made);
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div>
      <Text size="sm" fw={500}>
        {t(`callback.${proposal}.label`)}
      </Text>
      {token ? (
        <CopyableText value={token} label={t(`callback.${proposal}.label`)} />
      ) : (
        <>
          <Text size="sm" c="dimmed" mb={6}>
            {t(`callback.${proposal}.hidden`)}
          </Text>
          <Button size="xs" variant="default" loading={busy} onClick={() => void make()}>
            {t(`callback.${proposal}.renew`)}
          </Button>
        </>
      )}
    </div>
  );
}

/** Polls until the provider has called, while this step is shown. */
export function Handshake({ number, title }: { number: Schemas["Number"]; title: string }) {
  const { t } = useTranslation("numbers");
  const format = useFormat();
  const { data } = $api.useQuery(
    "get",
    "/api/v1/numbers/{id}/handshake",
    { params: { path: { id: number.id } } },
    {
      refetchInterval: ({ state }) =>
        state.data?.verified_at || state.data?.last_webhook_at ? false : 2_000,
    },
  );
  const at = data?.last_webhook_at ?? data?.verified_at;
  const known = !!number.verified_at || !!number.last_webhook_at;
  useEffect(() => {
    if (at && !known) reread("/api/v1/numbers", "/api/v1/numbers/{id}");
  }, [at, known]);
  return (
    <div role="status" data-testid="handshake">
      {at ? (
        <Alert color="teal" icon={<IconCircleCheck aria-hidden />} title={t("callback.connected")}>
          {t("callback.connectedAbout", { provider: title, when: format.ago(at) })}
        </Alert>
      ) : (
        <Group gap="sm" wrap="nowrap">
          <Loader size="sm" aria-hidden />
          <div>
            <Text size="sm" fw={500}>
              {t("callback.waiting", { provider: title })}
            </Text>
            <Text size="sm" c="dimmed">
              {t("callback.waitingAbout")}
            </Text>
          </div>
        </Group>
      )}
    </div>
  );
}
