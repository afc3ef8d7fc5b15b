// The desk in figures: four that matter, then everything else in sections.
import { Button, SegmentedControl, Switch } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Page } from "@/parts/Page";
import { Async, Empty } from "@/parts/States";
import { Headline, HeadlineOutline } from "./Headline";
import { isQuiet, ranges, readDays, spans, zone } from "./range";
import { Sections } from "./Sections";

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
  // Until the range's own figures are there, those of the range before it have nothing to be compared with.
  const earlier = now.isPlaceholderData ? undefined : then.data;
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
        outline={<HeadlineOutline />}
        isEmpty={({ total, trials }) => isQuiet(total) && trials.length === 0}
        empty={<NoActivity />}
      >
        {(overview) => (
          <>
            <Headline now={overview} before={earlier} days={days} />
            <Sections now={overview} before={earlier} days={days} asTable={asTable} />
          </>
        )}
      </Async>
    </Page>
  );
}

function NoActivity() {
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
