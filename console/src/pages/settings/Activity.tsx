// Activity: the audit log in words, newest first, by day.
import { Stack, Title } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { usePages } from "@/api/pages";
import { useFormat } from "@/i18n/format";
import { MoreButton } from "@/parts/MoreButton";
import { Async, Empty } from "@/parts/States";
import { ActivityFilters, filterOf, isFiltered } from "./ActivityFilters";
import { ActivityRow } from "./ActivityRow";
import { type Day, daysOf, sinceOf } from "./actions";
import { useFollowing } from "./follow";

const route = getRouteApi("/desk/settings/activity");

/** Entries of a page. */
const PAGE = 50;
export function Activity() {
  const { t } = useTranslation("activity");
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filter = filterOf(search);
  const { action, actor, outcome, days } = filter;
  const since = useMemo(() => (days === undefined ? undefined : sinceOf(days, Date.now())), [days]);
  useFollowing();
  const query = usePages(
    (cursor) =>
      $api.queryOptions("get", "/api/v1/audit", {
        params: { query: { action, actor, outcome, since, limit: PAGE, cursor } },
      }),
    { placeholderData: keepPreviousData },
  );
  const none = isFiltered(filter) ? (
    <Empty title={t("noMatch")} icon={<IconHistory />}>
      {t("noMatchAbout")}
    </Empty>
  ) : (
    <Empty title={t("none")} icon={<IconHistory />}>
      {t("noneAbout")}
    </Empty>
  );
  return (
    <Stack gap="lg">
      <ActivityFilters
        filter={filter}
        shown={query.data ?? []}
        change={(change) =>
          void navigate({ search: (now) => ({ ...now, ...change }), replace: true, resetScroll: false })
        }
      />
      <Async query={query} empty={none}>
        {(entries) => (
          <Stack gap="lg" data-testid="activity">
            {daysOf(entries).map((day) => (
              <DaySection key={day.at} day={day} />
            ))}
          </Stack>
        )}
      </Async>
      <MoreButton query={query} mx="auto" />
    </Stack>
  );
}

function DaySection({ day: { at, entries } }: { day: Day }) {
  const { t } = useTranslation("activity");
  const format = useFormat();
  const id = `day-${at}`;
  const name =
    at === sinceOf(1, Date.now())
      ? t("today")
      : at === sinceOf(2, Date.now())
        ? t("yesterday")
        : format.day(at);
  return (
    <section aria-labelledby={id}>
      <Title order={2} id={id} mb={4}>
        {name}
      </Title>
      <Stack component="ul" gap={0} p={0} m={0} style={{ listStyle: "none" }}>
        {entries.map((entry) => (
          <ActivityRow key={entry.id} entry={entry} />
        ))}
      </Stack>
    </section>
  );
}
