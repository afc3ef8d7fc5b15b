// The cases of a run, next to those of other runs of its suite.
import { Group, MultiSelect, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { pages } from "@/api/pages";
import { Empty, Failed, Loading } from "@/parts/States";
import { CaseDrawer } from "./CaseDrawer";
import { CaseTable } from "./CaseTable";
import { filtered, readFilter } from "./filter";
import { readBeside } from "./row";
import { useRunNames } from "./StartRun";
import { useRuns } from "./useRuns";
import { VerdictFilter } from "./VerdictFilter";

const route = getRouteApi("/desk/evals/$run");

/** All cases, loaded page by page. */
function useCases(ids: string[]) {
  const params = (cursor?: string) => ({ query: { runs: ids.join(","), limit: 200, cursor } });
  const query = useInfiniteQuery(
    pages((cursor) => $api.queryOptions("get", "/api/v1/evals/compare", { params: params(cursor) })),
  );
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const cases = useMemo(() => query.data?.pages.flatMap(({ cases }) => cases), [query.data]);
  return { query, cases, runs: query.data?.pages[0]?.runs, changed: query.data?.pages[0]?.changed ?? 0 };
}

export function Cases({ run }: { run: Schemas["Run"] }) {
  const { t } = useTranslation("evals");
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const beside = readBeside(search.with, run.id);
  const only = readFilter(search.verdict);
  const [words, setWords] = useState("");
  const { query, cases, runs, changed } = useCases([run.id, ...beside]);
  const shown = useMemo(() => filtered(cases ?? [], only, words), [cases, only, words]);
  const change = useCallback(
    (part: Partial<typeof search>) =>
      void navigate({ search: (now) => ({ ...now, ...part }), replace: true, resetScroll: false }),
    [navigate],
  );
  const open = useCallback((row: string) => change({ row }), [change]);
  const all = runs ?? [run];
  return (
    <Stack gap="sm" component="section" aria-labelledby="cases">
      <Title order={2} id="cases">
        {t("cases.title")}
      </Title>
      <Group align="flex-end" gap="sm">
        <TextInput
          label={t("cases.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          dir="auto"
          flex="1 1 200px"
          maw={360}
        />
        <RunPicker
          run={run}
          beside={beside}
          onChange={(ids) => change({ with: ids.join(",") || undefined })}
        />
      </Group>
      <Group gap="sm">
        <VerdictFilter only={only} counts={run.counts} onChange={(verdict) => change({ verdict })} />
        {beside.length > 0 && (
          <Switch
            label={t("cases.changed", { count: changed })}
            checked={only === "changed"}
            onChange={(event) => change({ verdict: event.currentTarget.checked ? "changed" : undefined })}
          />
        )}
      </Group>
      {query.error && <Failed error={query.error} again={() => void query.refetch()} />}
      {!cases && !query.error && <Loading />}
      {cases && (
        <>
          <Text size="sm" c="dimmed" role="status">
            {t("cases.shown", { count: shown.length })}
          </Text>
          {shown.length > 0 ? (
            <CaseTable cases={shown} runs={all} onOpen={open} opened={search.row} />
          ) : (
            <Empty title={t(cases.length > 0 ? "cases.noneFound" : "cases.none")}>
              {t(cases.length > 0 ? "cases.noneFoundAbout" : "cases.noneAbout")}
            </Empty>
          )}
        </>
      )}
      <CaseDrawer rowKey={search.row} runs={all} onClose={() => change({ row: undefined })} />
    </Stack>
  );
}

type RunPickerProps = { run: Schemas["Run"]; beside: string[]; onChange: (ids: string[]) => void };

/** Picks other runs of the same suite. */
function RunPicker({ run, beside, onChange }: RunPickerProps) {
  const { t } = useTranslation("evals");
  const { data: runs } = useRuns();
  const name = useRunNames();
  const others = (runs ?? []).filter(({ id, suite }) => suite === run.suite && id !== run.id);
  const data = others.map((one) => ({ value: one.id, label: name(one) }));
  // A selected run that is not on the loaded pages stays in the list.
  const unknown = beside.filter((id) => !others.some((one) => one.id === id));
  if (data.length + unknown.length === 0)
    return (
      <Text size="sm" c="dimmed" pb={8}>
        {t("cases.noOthers")}
      </Text>
    );
  return (
    <MultiSelect
      label={t("cases.beside")}
      placeholder={beside.length === 0 ? t("cases.besideNone") : undefined}
      data={[...data, ...unknown.map((id) => ({ value: id, label: id }))]}
      value={beside}
      onChange={onChange}
      maxValues={5}
      clearable
      clearButtonProps={{ "aria-label": t("cases.besideNone") }}
      flex="2 1 280px"
      maw={640}
    />
  );
}
