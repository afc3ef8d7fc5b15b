// Daily statistics of the desk.
import { Button, Paper, SegmentedControl, SimpleGrid, Switch, Text, Title } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useCaseReason } from "@/parts/caseReason";
import { Page } from "@/parts/Page";
import { Async, Empty } from "@/parts/States";
import { Chart, Ranked } from "./Chart";
import { isQuiet, ranges, readDays, shareByBot, spans, zone } from "./range";
import { Totals } from "./Totals";

const route = getRouteApi("/desk/overview");
const kept = "frontdesk.tables";

export function OverviewPage() {
  const { t } = useTranslation("overview");
  const { t: common } = useTranslation();
  const days = readDays(route.useSearch().days);
  const navigate = route.useNavigate();
  const [asTable, setAsTable] = useState(() => localStorage.getItem(kept) !== null);
  // One end time for all queries, so that a reload does not move it.
  const { from, before } = useMemo(() => spans(days, Date.now()), [days]);
  const now = $api.useQuery(
    "get",
    "/api/v1/overview",
    { params: { query: { from, zone: zone() } } },
    { placeholderData: keepPreviousData },
  );
  const then = $api.useQuery("get", "/api/v1/overview", {
    params: { query: { ...before, zone: zone() } },
  });
  const show = (next: boolean) => {
    setAsTable(next);
    if (next) localStorage.setItem(kept, "1");
    else localStorage.removeItem(kept);
  };
  return (
    <Page
      title={common("nav.overview")}
      about={t("about", { zone: zone() })}
      actions={
        <>
          <Switch
            label={t("asTable")}
            checked={asTable}
            onChange={(event) => show(event.currentTarget.checked)}
          />
          <SegmentedControl
            aria-label={t("range")}
            value={String(days)}
            onChange={(next) => void navigate({ search: { days: Number(next) }, replace: true })}
            data={ranges.map((value) => ({ value: String(value), label: t("days", { count: value }) }))}
          />
        </>
      }
    >
      <Async
        query={now}
        rows={6}
        isEmpty={({ total, trials }) => isQuiet(total) && trials.length === 0}
        empty={<Quiet />}
      >
        {(overview) => (
          <>
            <Totals now={overview} before={then.data} days={days} />
            <Charts overview={overview} asTable={asTable} />
          </>
        )}
      </Async>
    </Page>
  );
}

function Quiet() {
  const { t } = useTranslation("overview");
  return (
    <Empty
      icon={<IconChartBar />}
      title={t("quiet.title")}
      action={
        <Button renderRoot={(props) => <Link to="/numbers" {...props} />} variant="default" mt="xs">
          {t("quiet.action")}
        </Button>
      }
    >
      {t("quiet.about")}
    </Empty>
  );
}

function Charts({ overview, asTable }: { overview: Schemas["Overview"]; asTable: boolean }) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  const reasonOf = useCaseReason();
  const { days, reasons } = overview;
  const shared = { days, asTable };
  const bars = { ...shared, kind: "bars" as const };
  const counted = { ...bars, say: format.count, whole: true };
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Chart
        {...counted}
        kind="beside"
        title={t("messages.title")}
        series={[
          { name: t("messages.inbound"), of: ({ inbound }) => inbound, color: "blue.6" },
          { name: t("messages.outbound"), of: ({ outbound }) => outbound, color: "orange.8" },
        ]}
      />
      <Chart
        {...shared}
        kind="lines"
        title={t("share.title")}
        say={format.share}
        most={1}
        series={[{ name: t("share.bot"), of: shareByBot, color: "blue.6" }]}
      />
      <Chart
        {...counted}
        title={t("handOffs.title")}
        series={[{ name: t("handOffs.cases"), of: ({ hand_offs }) => hand_offs, color: "blue.6" }]}
      />
      <Paper withBorder p="md" component="section" aria-labelledby="reasons">
        <Title order={2} id="reasons" mb="sm">
          {t("reasons.title")}
        </Title>
        {reasons.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t("reasons.none")}
          </Text>
        ) : (
          <Ranked
            rows={reasons.map((one) => ({ name: reasonOf(one), count: one.count }))}
            say={format.count}
          />
        )}
      </Paper>
      <Chart
        {...shared}
        kind="lines"
        title={t("response.title")}
        say={format.took}
        series={[
          { name: t("response.half"), of: ({ p50_ms }) => p50_ms ?? null, color: "blue.6" },
          { name: t("response.most"), of: ({ p95_ms }) => p95_ms ?? null, color: "orange.8", dashes: "5 4" },
        ]}
      />
      <Chart
        {...counted}
        title={t("sends.title")}
        series={[
          { name: t("sends.failed"), of: ({ failed_sends }) => failed_sends, color: "orange.8" },
          { name: t("sends.unknown"), of: ({ unknown_sends }) => unknown_sends, color: "gray.6" },
        ]}
      />
      <Chart
        {...bars}
        kind="beside"
        say={asTable ? format.count : format.compact}
        title={t("tokens.title")}
        series={[
          { name: t("tokens.read"), of: ({ input_tokens }) => input_tokens, color: "blue.6" },
          { name: t("tokens.written"), of: ({ output_tokens }) => output_tokens, color: "orange.8" },
        ]}
      />
      <Chart
        {...bars}
        say={format.money}
        title={t("money.title")}
        series={[{ name: t("money.spent"), of: ({ cost_micros }) => cost_micros, color: "blue.6" }]}
      />
      {overview.trials.length > 0 && <Trials trials={overview.trials} />}
    </SimpleGrid>
  );
}

/** Model use without a customer: by purpose, with its cost. */
function Trials({ trials }: { trials: Schemas["Trials"][] }) {
  const { t } = useTranslation("overview");
  const format = useFormat();
  const named = trials.map(({ kind, runs, cost_micros }) => ({
    name: t("trials.line", { kind: t(`trials.${kind}`), runs: format.count(runs) }),
    count: cost_micros,
  }));
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="trials">
      <Title order={2} id="trials" mb="sm">
        {t("trials.title")}
      </Title>
      <Ranked rows={named} say={format.money} />
    </Paper>
  );
}
