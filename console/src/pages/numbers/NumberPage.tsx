// One number: its state, the remaining setup steps, its agent and its fields.
import { Accordion, Alert, Button, Group, Paper, Stack, Title } from "@mantine/core";
import { IconAlertTriangle, IconTrash } from "@tabler/icons-react";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, Failure, type Schemas } from "@/api/client";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { useStopReason } from "@/parts/numberState";
import { Page } from "@/parts/Page";
import { Async, Failed } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { useRemoval } from "@/parts/useRemoval";
import { Callback } from "./Callback";
import { EditNumber } from "./EditNumber";
import { Facts } from "./Facts";
import { isConnected, NumberState } from "./NumberState";
import { type Provider, parted, useProviders, useWords } from "./provider";
import { SetupSteps } from "./SetupSteps";
import { Steps } from "./Steps";
import { TestMessage } from "./TestMessage";
import { Warnings } from "./Warnings";

type Number = Schemas["Number"];

export function NumberPage() {
  const { t } = useTranslation("numbers");
  const { number: id } = useParams({ from: "/desk/numbers/$number" });
  const query = $api.useQuery("get", "/api/v1/numbers/{id}", { params: { path: { id } } });
  const providers = useProviders();
  useLive({
    changed: useCallback((what: Schemas["What"]) => what === "numbers" && reread("/api/v1/numbers/{id}"), []),
  });
  const gone = query.error instanceof Failure && query.error.status === 404;
  const number = query.data;
  return (
    <Page
      title={number?.slug ?? t("title")}
      back={{ to: "/numbers", label: t("title") }}
      widest={820}
      about={
        number && (
          <NumberState
            number={number}
            provider={providers.data?.find(({ name }) => name === number.provider)}
          />
        )
      }
      actions={number?.from === "console" && <Delete key={number.id} number={number} />}
    >
      {gone && !number ? (
        <Failed error={new Failure(404, t("page.gone"))} />
      ) : (
        <Async query={query}>
          {(shown) => (
            <Async query={providers}>
              {(all) => (
                <Shown
                  key={shown.id}
                  number={shown}
                  provider={all.find(({ name }) => name === shown.provider)}
                />
              )}
            </Async>
          )}
        </Async>
      )}
    </Page>
  );
}

function Shown({ number, provider }: { number: Number; provider?: Provider }) {
  const { t } = useTranslation("numbers");
  const stopped = useStopReason()(number);
  const [begun] = useState(() => !!provider && openStep(number, provider) < 4);
  return (
    <Stack gap="lg">
      <Warnings warnings={number.warnings} />
      {stopped && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("page.stopped")}>
          <span dir="auto">{stopped}</span>
        </Alert>
      )}
      {number.from === "file" && <Alert>{t("fileAbout")}</Alert>}
      {provider && begun && <SetUp number={number} provider={provider} />}
      <Facts number={number} provider={provider} />
      {provider && !begun && <Parts number={number} provider={provider} />}
    </Stack>
  );
}

/** The next setup step: 2 callback, 3 test, 4 none. */
export function openStep(number: Number, provider: Provider): number {
  if (number.from === "file") return 4;
  if (!isConnected(number, provider)) return 2;
  return number.last_sent_at || number.last_inbound_at ? 4 : 3;
}

/** The remaining setup steps. They stay visible on this page even after the last one is done. */
function SetUp({ number, provider }: { number: Number; provider: Provider }) {
  const { t } = useTranslation("numbers");
  const { word } = useWords(provider);
  const navigate = useNavigate();
  const [step, setStep] = useState(() => openStep(number, provider));
  const [sent, setSent] = useState(false);
  const connected = isConnected(number, provider);
  const tried = sent || !!number.last_sent_at || !!number.last_inbound_at;
  const finished = [true, true, connected, tried];
  const titles = ["need", "fields", "callback", "test"] as const;
  return (
    <Stack component="section" aria-label={t("page.setup")}>
      <SetupSteps active={step} reached={3} finished={(at) => finished[at] ?? false} show={setStep} />
      <Paper withBorder p="lg">
        <Stack>
          <Title order={2}>{t(`step.${titles[step] ?? "test"}`)}</Title>
          {step === 0 && <Steps provider={provider} steps={parted(provider).before} />}
          {step === 1 && <EditNumber number={number} provider={provider} />}
          {step === 2 && <Callback number={number} provider={provider} />}
          {step === 3 && <TestMessage number={number} provider={provider} sent={() => setSent(true)} />}
          {step === 3 && !connected && (
            <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} data-testid="uncalled">
              <Stack gap="xs" align="flex-start">
                {t("callback.missing", { provider: word("title", provider.title) })}
                <Button size="xs" variant="default" onClick={() => setStep(2)}>
                  {t("step.callback")}
                </Button>
              </Stack>
            </Alert>
          )}
          <Group justify="flex-end">
            {step < 3 ? (
              <Button
                variant={step === 2 && !connected ? "default" : "filled"}
                onClick={() => setStep(step + 1)}
              >
                {t(step === 2 && !connected ? "callback.skip" : "step.next")}
              </Button>
            ) : (
              <Button
                variant={tried && connected ? "filled" : "default"}
                onClick={() => void navigate({ to: "/numbers" })}
              >
                {t(tried && connected ? "step.finish" : "step.stop")}
              </Button>
            )}
          </Group>
        </Stack>
      </Paper>
    </Stack>
  );
}

/** The same parts for a number that works, to look up or change. */
function Parts({ number, provider }: { number: Number; provider: Provider }) {
  const { t } = useTranslation("numbers");
  return (
    <Accordion variant="separated" order={2}>
      {number.from === "console" && (
        <Accordion.Item value="fields">
          <Accordion.Control>{t("page.fields")}</Accordion.Control>
          <Accordion.Panel>
            <EditNumber number={number} provider={provider} />
          </Accordion.Panel>
        </Accordion.Item>
      )}
      {number.from === "console" && (
        <Accordion.Item value="callback">
          <Accordion.Control>{t("step.callback")}</Accordion.Control>
          <Accordion.Panel>
            <Callback number={number} provider={provider} />
          </Accordion.Panel>
        </Accordion.Item>
      )}
      <Accordion.Item value="test">
        <Accordion.Control>{t("step.test")}</Accordion.Control>
        <Accordion.Panel>
          <TestMessage number={number} provider={provider} />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

function Delete({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const navigate = useNavigate();
  const here = useHere();
  const removal = useRemoval();
  const deletion = $api.useMutation("delete", "/api/v1/numbers/{id}");
  const name = number.slug;
  const remove = async () => {
    const gone = await removal(
      { title: t("page.deleteTitle", { name }), text: t("page.deleteText"), yes: t("page.delete") },
      async () => {
        await deletion.mutateAsync({ params: { path: { id: number.id } } });
        reread("/api/v1/numbers");
      },
      t("page.deleted", { name }),
    );
    if (gone && here.current) await navigate({ to: "/numbers" });
  };
  return (
    <Button
      variant="light"
      color="red"
      leftSection={<IconTrash size={18} aria-hidden />}
      loading={deletion.isPending}
      onClick={() => void remove()}
    >
      {t("page.delete")}
    </Button>
  );
}
