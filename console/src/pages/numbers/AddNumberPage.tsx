// Connects a number: choose the provider, prepare the account there, fill in the form. The number is then
// stored and its own page shows the next steps.
import { Button, Card, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Page } from "@/parts/Page";
import { Async } from "@/parts/States";
import { guideOf } from "./guide";
import { LocalAddress } from "./LocalAddress";
import { Needs } from "./Needs";
import { type Draft, NewNumber } from "./NewNumber";
import { type Provider, parted, proposalOf, shakesHands, useProviders, useWords } from "./provider";
import { SetupSteps, StepPlace } from "./SetupSteps";
import { Steps } from "./Steps";
import { stepOf } from "./setup";

export function AddNumberPage() {
  const { t } = useTranslation(["numbers", "common"]);
  const { provider: name } = useSearch({ from: "/desk/numbers/add" });
  const query = useProviders();
  // What was filled in stays while the reader moves back and forth.
  const [drafts, setDrafts] = useState<Partial<Record<string, Draft>>>({});
  return (
    <Page title={t("add")} back={{ to: "/numbers", label: t("title") }} widest={900}>
      <Async query={query} shape="cards" rows={3}>
        {(providers) => {
          const chosen = providers.find((one) => one.name === name);
          return chosen ? (
            <GuidedSetup
              key={chosen.name}
              provider={chosen}
              draft={drafts[chosen.name] ?? { values: {} }}
              change={(change) =>
                setDrafts((all) => ({ ...all, [chosen.name]: change(all[chosen.name] ?? { values: {} }) }))
              }
            />
          ) : (
            <ProviderChoice providers={providers} />
          );
        }}
      </Async>
    </Page>
  );
}

function ProviderChoice({ providers }: { providers: Provider[] }) {
  const { t } = useTranslation(["numbers", "common"]);
  return (
    <Stack>
      <div>
        <Title order={2}>{t("choose.title")}</Title>
        <Text size="sm" c="dimmed">
          {t("choose.about")}
        </Text>
      </div>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {providers.map((provider) => (
          <Choice key={provider.name} provider={provider} />
        ))}
      </SimpleGrid>
    </Stack>
  );
}

function Choice({ provider }: { provider: Provider }) {
  const { word } = useWords(provider);
  return (
    <Card
      withBorder
      renderRoot={(props) => <Link to="/numbers/add" search={{ provider: provider.name }} {...props} />}
      data-testid={`provider-${provider.name}`}
    >
      <Text fw={600}>{word("title", provider.title)}</Text>
      <Text size="sm" c="dimmed">
        {word("about", provider.about)}
      </Text>
    </Card>
  );
}

/** The values to enter at the provider. They are created once, even when the user moves back and forth. */
function useMade(provider: Provider) {
  return $api.useQuery(
    "post",
    "/api/v1/numbers/draft",
    { body: { provider: provider.name } },
    { staleTime: Number.POSITIVE_INFINITY, gcTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false },
  );
}

type GuidedSetupProps = {
  provider: Provider;
  draft: Draft;
  change: (change: (draft: Draft) => Draft) => void;
};

function GuidedSetup({ provider, draft, change }: GuidedSetupProps) {
  const { t } = useTranslation(["numbers", "common"]);
  const navigate = useNavigate();
  const { step: named } = useSearch({ from: "/desk/numbers/add" });
  const { word, brand } = useWords(provider);
  const { before } = parted(provider);
  const step = before.length === 0 || stepOf(named) === "fields" ? "fields" : "need";
  const made = useMade(provider);
  const proposal = proposalOf(provider);
  const show = (next: "need" | "fields") =>
    void navigate({ to: "/numbers/add", search: { provider: provider.name, step: next } });
  const back = () =>
    step === "fields" && before.length > 0 ? show("need") : void navigate({ to: "/numbers/add", search: {} });
  return (
    <Stack gap="lg">
      <Text c="dimmed" size="sm">
        {word("title", provider.title)}. {t("step.later")}
      </Text>
      <SetupSteps
        provider={provider}
        active={step}
        reached={(one) => one === "need" || one === "fields"}
        finished={(one) => one === "need" && step === "fields"}
        show={(one) => (one === "need" || one === "fields") && show(one)}
      />
      <Paper withBorder p={{ base: "md", sm: "lg" }}>
        {step === "need" ? (
          <Stack gap="lg">
            <div>
              <StepPlace provider={provider} active={step} />
              <Title order={2}>{t("step.need")}</Title>
              {guideOf(provider.name) && (
                <Text size="sm" c="dimmed">
                  {t("need.about")}
                </Text>
              )}
            </div>
            <Needs provider={provider} />
            <section aria-labelledby="first">
              <Title order={3} id="first" mb="xs">
                {t("need.do")}
              </Title>
              <Steps provider={provider} steps={before} />
            </section>
            {made.data && shakesHands(provider) && (
              <LocalAddress address={made.data.callback_url} provider={brand(provider)} meanwhile />
            )}
            <Group justify="flex-end">
              <Button variant="default" onClick={back}>
                {t("common:action.back")}
              </Button>
              <Button onClick={() => show("fields")}>{t("step.next")}</Button>
            </Group>
          </Stack>
        ) : (
          <Async query={made}>
            {(values) => (
              <NewNumber
                provider={provider}
                token={(proposal && values[proposal]) || undefined}
                draft={draft}
                change={change}
                back={back}
              />
            )}
          </Async>
        )}
      </Paper>
    </Stack>
  );
}
