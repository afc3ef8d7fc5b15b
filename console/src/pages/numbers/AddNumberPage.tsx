// Connects a number: choose the provider, prepare the account there, fill in the form. The number is then
// stored and its own page shows the next steps.
import { Button, Card, Group, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Page } from "@/parts/Page";
import { Async } from "@/parts/States";
import { Local } from "./Local";
import { NewNumber } from "./NewNumber";
import { type Provider, parted, shakesHands, token, useProviders, useWords } from "./provider";
import { SetupSteps } from "./SetupSteps";
import { Steps } from "./Steps";

export function AddNumberPage() {
  const { t } = useTranslation(["numbers", "common"]);
  const { provider: name } = useSearch({ from: "/desk/numbers/add" });
  const query = useProviders();
  return (
    <Page title={t("add")} back={{ to: "/numbers", label: t("title") }} widest={820}>
      <Async query={query}>
        {(providers) => {
          const chosen = providers.find((one) => one.name === name);
          return chosen ? <Guide key={chosen.name} provider={chosen} /> : <Choose providers={providers} />;
        }}
      </Async>
    </Page>
  );
}

function Choose({ providers }: { providers: Provider[] }) {
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
function useDraft(provider: Provider) {
  return $api.useQuery(
    "post",
    "/api/v1/numbers/draft",
    { body: { provider: provider.name } },
    { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false },
  );
}

function Guide({ provider }: { provider: Provider }) {
  const { t } = useTranslation(["numbers", "common"]);
  const navigate = useNavigate();
  const { word } = useWords(provider);
  const { before } = parted(provider);
  const [step, setStep] = useState(before.length > 0 ? 0 : 1);
  const draft = useDraft(provider);
  const asksToken = provider.fields.some(({ name }) => name === token);
  return (
    <Stack gap="lg">
      <Text c="dimmed" size="sm">
        {word("title", provider.title)}. {t("step.later")}
      </Text>
      <SetupSteps active={step} reached={1} finished={(at) => at < step} show={setStep} />
      {step === 0 && draft.data && shakesHands(provider) && (
        <Local address={draft.data.callback_url} provider={word("title", provider.title)} meanwhile />
      )}
      <Paper withBorder p="lg">
        {step === 0 ? (
          <Stack>
            <Title order={2}>{t("step.need")}</Title>
            <Text size="sm" c="dimmed">
              {t("need.about")}
            </Text>
            <Steps provider={provider} steps={before} />
            <Group justify="flex-end">
              <Button variant="default" onClick={() => void navigate({ to: "/numbers/add", search: {} })}>
                {t("common:action.back")}
              </Button>
              <Button onClick={() => setStep(1)}>{t("step.next")}</Button>
            </Group>
          </Stack>
        ) : (
          <Async query={draft}>
            {(made) => (
              <NewNumber
                provider={provider}
                token={(asksToken && made.verify_token) || undefined}
                back={() =>
                  before.length > 0 ? setStep(0) : void navigate({ to: "/numbers/add", search: {} })
                }
              />
            )}
          </Async>
        )}
      </Paper>
    </Stack>
  );
}
