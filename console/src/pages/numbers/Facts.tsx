// A number's details and the agent that answers on it.
import { Box, Paper, SimpleGrid, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { AgentSelect } from "@/parts/AgentSelect";
import { useAgentNames } from "@/parts/agentName";
import { Fact } from "@/parts/Fact";
import { useSay } from "@/parts/say";
import { When } from "@/parts/When";
import { Health } from "./Health";
import { NumberCheck } from "./NumberCheck";
import { type Provider, useWords } from "./provider";

type Number = Schemas["Number"];

export function Facts({ number, provider }: { number: Number; provider?: Provider }) {
  const { t } = useTranslation("numbers");
  const agentNamed = useAgentNames();
  const { word } = useWords({ name: number.provider });
  const moment = (at: number | null | undefined) => (at ? <When at={at} ago /> : t("page.never"));
  return (
    <Paper withBorder p="lg" component="section" aria-labelledby="facts">
      <Title order={2} id="facts" mb="sm">
        {t("page.facts")}
      </Title>
      <SimpleGrid cols={{ base: 1, xs: 2 }} component="dl" m={0} spacing="md" verticalSpacing="sm">
        <Fact name={t("page.agent")}>
          {number.from === "console" ? <Agent number={number} /> : number.agent && agentNamed(number.agent)}
        </Fact>
        <Fact name={t("page.provider")}>{word("title", provider?.title ?? number.provider)}</Fact>
        {number.display && (
          <Fact name={t("page.phone")}>
            <span dir="ltr">{number.display}</span>
          </Fact>
        )}
        {number.verified_name && (
          <Fact name={t("page.name")}>
            <span dir="auto">{number.verified_name}</span>
          </Fact>
        )}
        <Fact name={t("page.id")}>
          <span dir="ltr">{number.external_id}</span>
        </Fact>
        <Health health={number.health} />
        <Fact name={t("page.inbound")}>{moment(number.last_inbound_at)}</Fact>
        <Fact name={t("page.sent")}>{moment(number.last_sent_at)}</Fact>
        <Fact name={t("page.webhook")}>{moment(number.last_webhook_at)}</Fact>
      </SimpleGrid>
      {number.from === "console" && provider && !provider.practice && (
        <Box mt="lg">
          <NumberCheck key={JSON.stringify(number.fields)} number={number} provider={provider} />
        </Box>
      )}
    </Paper>
  );
}

function Agent({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const agents = $api.useQuery("get", "/api/v1/agents");
  const agentNamed = useAgentNames();
  const changing = $api.useMutation("patch", "/api/v1/numbers/{id}");
  const choose = (agent: string | null) => {
    if (!agent || agent === number.agent) return;
    changing.mutate(
      { params: { path: { id: number.id } }, body: { agent } },
      {
        onSuccess: () => {
          reread("/api/v1/numbers", "/api/v1/numbers/{id}");
          say.done(t("page.agentSaved", { agent: agentNamed(agent) }));
        },
        onError: say.failed,
      },
    );
  };
  return (
    <AgentSelect
      aria-label={t("page.agent")}
      placeholder={number.agent ? undefined : t("row.noAgent")}
      agents={agents.data}
      value={changing.isPending ? (changing.variables?.body.agent ?? null) : (number.agent ?? null)}
      onChange={choose}
      disabled={changing.isPending}
      allowDeselect={false}
      maw={280}
    />
  );
}
