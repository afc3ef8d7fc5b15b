// A campaign: what it sends to whom, what became of it, and what can be done with it.
import { Box, Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { Fact } from "@/parts/Fact";
import { Page } from "@/parts/Page";
import { Async, Failed, Loading } from "@/parts/States";
import { useTemplateLanguage } from "@/parts/TemplateFacts";
import { When } from "@/parts/When";
import { CampaignActions } from "./CampaignActions";
import { CampaignNotice } from "./CampaignNotice";
import { CampaignStateBadge } from "./CampaignStateBadge";
import { CampaignProgress } from "./CampaignsPage";
import type { Campaign } from "./campaign";
import { ExampleMessage } from "./ExampleMessage";
import { useFollow } from "./follow";
import { useNumberLabel } from "./numberLabel";
import { Recipients } from "./Recipients";
import { ResultFigures } from "./ResultFigures";

const route = getRouteApi("/desk/campaigns/$campaign");

export function CampaignPage() {
  const { t } = useTranslation("campaigns");
  const { campaign: id } = route.useParams();
  const query = $api.useQuery("get", "/api/v1/campaigns/{id}", { params: { path: { id } } });
  useFollow();
  const campaign = query.data;
  const back = { to: "/campaigns", label: t("title") };
  if (!campaign)
    return (
      <Page title={t("one")} back={back}>
        {query.error ? <Failed error={query.error} /> : <Loading shape="facts" />}
      </Page>
    );
  return (
    <Page
      title={campaign.name}
      about={<CampaignStateBadge campaign={campaign} />}
      back={back}
      actions={<CampaignActions campaign={campaign} />}
    >
      <CampaignNotice campaign={campaign} />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <CampaignFacts campaign={campaign} />
        <ExampleMessage campaign={campaign} />
      </SimpleGrid>
      {campaign.started_at != null && <CampaignResults id={id} />}
      <Stack gap="sm" component="section" aria-labelledby="recipients">
        <Title order={2} id="recipients">
          {t("recipients.title")}
        </Title>
        <Recipients id={id} />
      </Stack>
    </Page>
  );
}

function CampaignResults({ id }: { id: string }) {
  const { t } = useTranslation("campaigns");
  const query = $api.useQuery("get", "/api/v1/campaigns/{id}/results", { params: { path: { id } } });
  return (
    <Stack gap="sm" component="section" aria-labelledby="results">
      <Title order={2} id="results">
        {t("results.title")}
      </Title>
      <Async query={query} shape="figures">
        {(results) => <ResultFigures results={results} />}
      </Async>
    </Stack>
  );
}

function CampaignFacts({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const format = useFormat();
  const numberLabel = useNumberLabel();
  const languageOf = useTemplateLanguage();
  const { number_id, template, opt_in, pace, starts_at, started_at, ended_at, created_at } = campaign;
  return (
    <Paper withBorder p="md" style={{ alignSelf: "start" }}>
      <Stack gap="sm">
        <CampaignProgress campaign={campaign} />
        <SimpleGrid component="dl" cols={{ base: 1, xs: 2 }} m={0} spacing="sm">
          <Fact name={t("fact.number")}>
            <bdi>{numberLabel(number_id)}</bdi>
          </Fact>
          <Fact name={t("fact.template")}>
            {template ? (
              <>
                <bdi dir="ltr">{template.name}</bdi> · {languageOf(template.language)}
              </>
            ) : (
              t("fact.unreadable")
            )}
          </Fact>
          <Fact name={t("fact.optIn")}>
            <bdi>{opt_in}</bdi>
          </Fact>
          <Fact name={t("fact.pace")}>
            {pace == null ? t("fact.paceOfNumber") : t("fact.perMinute", { count: pace })}
          </Fact>
          <Fact name={t("created")}>
            <When at={created_at} />
          </Fact>
          {starts_at != null && <Fact name={t("fact.starts")}>{format.full(starts_at)}</Fact>}
          {started_at != null && (
            <Fact name={t("fact.started")}>
              <When at={started_at} />
            </Fact>
          )}
          {ended_at != null && (
            <Fact name={t("fact.ended")}>
              <When at={ended_at} />
            </Fact>
          )}
        </SimpleGrid>
        <Box>
          <Text size="xs" c="dimmed">
            {t("fact.once")}
          </Text>
        </Box>
      </Stack>
    </Paper>
  );
}
