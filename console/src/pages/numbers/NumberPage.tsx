// One number: its state, what is missing for it to answer, its agent and its fields; or a step of its set-up.
import { Accordion, Alert, Button, Group, Paper, Stack, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { $api, Failure, type Schemas } from "@/api/client";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { Page } from "@/parts/Page";
import { Async, Failed } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { useRemoval } from "@/parts/useRemoval";
import { Callback } from "./Callback";
import { UnfinishedSetup } from "./Checklist";
import { EditNumber } from "./EditNumber";
import { Facts } from "./Facts";
import { FallbackWarning } from "./FallbackTemplate";
import { History } from "./History";
import { NumberSetup } from "./NumberSetup";
import { NumberState } from "./NumberState";
import { PauseButton, PauseNotice } from "./PauseNotice";
import { PhoneLink } from "./PhoneLink";
import { hasTemplates, type Provider, useProviders } from "./provider";
import { StopNotice } from "./StopNotice";
import { openStep, stepOf } from "./setup";
import { Templates } from "./Templates";
import { TestMessage } from "./TestMessage";
import { useTested } from "./tested";
import { Warnings } from "./Warnings";

type Number = Schemas["Number"];

export function NumberPage() {
  const { t } = useTranslation("numbers");
  const { number: id } = useParams({ from: "/desk/numbers/$number" });
  const { step } = useSearch({ from: "/desk/numbers/$number" });
  const query = $api.useQuery("get", "/api/v1/numbers/{id}", { params: { path: { id } } });
  const providers = useProviders();
  useLive({
    changed: useCallback(
      (what: Schemas["What"]) =>
        what === "numbers" &&
        reread("/api/v1/numbers/{id}", "/api/v1/numbers/{id}/templates", "/api/v1/events"),
      [],
    ),
  });
  const gone = query.error instanceof Failure && query.error.status === 404;
  const number = query.data;
  return (
    <Page
      title={number?.slug ?? t("title")}
      back={{ to: "/numbers", label: t("title") }}
      widest={900}
      about={
        number && (
          <NumberState
            number={number}
            provider={providers.data?.find(({ name }) => name === number.provider)}
          />
        )
      }
      actions={
        !step &&
        number && (
          <Group gap="xs">
            <PauseButton key={number.id} number={number} />
            {number.from === "console" && <DeleteButton key={number.id} number={number} />}
          </Group>
        )
      }
    >
      {gone && !number ? (
        <Failed error={new Failure(404, t("page.gone"))} />
      ) : (
        <Async query={query} shape="facts" rows={7}>
          {(shown) => (
            <Async query={providers} shape="facts" rows={7}>
              {(all) => (
                <NumberView
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

function NumberView({ number, provider }: { number: Number; provider?: Provider }) {
  const { t } = useTranslation("numbers");
  const { step: named } = useSearch({ from: "/desk/numbers/$number" });
  const step = number.from === "console" ? stepOf(named) : undefined;
  const tested = useTested(number.id);
  const next = provider && openStep(number, provider, tested);
  return (
    <Stack gap="lg">
      <StopNotice number={number} />
      <PauseNotice number={number} />
      <Warnings number={number} isLinkShown={!step || step === "callback"} />
      <FallbackWarning number={number} />
      {number.from === "file" && <Alert>{t("fileAbout")}</Alert>}
      {provider && step ? (
        <NumberSetup number={number} provider={provider} step={step} />
      ) : (
        <>
          <PhoneLink number={number} />
          {provider && next && (
            <Paper withBorder p={{ base: "md", sm: "lg" }} component="section" aria-labelledby="open">
              <Title order={2} id="open" mb="sm">
                {t("page.open")}
              </Title>
              <UnfinishedSetup number={number} provider={provider} step={next} />
            </Paper>
          )}
          <Facts number={number} provider={provider} />
          {provider && <Parts number={number} provider={provider} />}
        </>
      )}
    </Stack>
  );
}

/** The same parts for a number that works, to look up or change. */
function Parts({ number, provider }: { number: Number; provider: Provider }) {
  const { t } = useTranslation(["numbers", "templates"]);
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
      {hasTemplates(provider) && (
        <Accordion.Item value="templates">
          <Accordion.Control>{t("templates:title")}</Accordion.Control>
          <Accordion.Panel>
            <Templates number={number.id} />
          </Accordion.Panel>
        </Accordion.Item>
      )}
      {hasTemplates(provider) && (
        <Accordion.Item value="history">
          <Accordion.Control>{t("health.history")}</Accordion.Control>
          <Accordion.Panel>
            <History number={number.id} />
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

function DeleteButton({ number }: { number: Number }) {
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
