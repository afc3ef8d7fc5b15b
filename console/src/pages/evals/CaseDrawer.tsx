// One case in full, for each of the compared runs.
import { Drawer, SegmentedControl, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { Async, Empty } from "@/parts/States";
import { CaseDetail } from "./CaseDetail";
import { useRunNames } from "./StartRun";

type Props = {
  /** The case's key; undefined when none is open. */
  rowKey: string | undefined;
  runs: Schemas["Run"][];
  onClose: () => void;
};

export function CaseDrawer({ rowKey, runs, onClose }: Props) {
  const { t } = useTranslation("evals");
  return (
    <Drawer opened={!!rowKey} onClose={onClose} position="right" size="xl" title={t("case.title")}>
      {rowKey && <CaseRuns key={rowKey} rowKey={rowKey} runs={runs} />}
    </Drawer>
  );
}

function useRow(run: string | undefined, key: string) {
  return $api.useQuery(
    "get",
    "/api/v1/evals/runs/{id}/rows",
    { params: { path: { id: run ?? "" }, query: { key, limit: 1 } } },
    { enabled: !!run, staleTime: 60_000 },
  );
}

function CaseRuns({ rowKey, runs }: { rowKey: string; runs: Schemas["Run"][] }) {
  const { t } = useTranslation("evals");
  const name = useRunNames();
  const [chosen, setChosen] = useState(runs[0]?.id ?? "");
  const id = runs.some((run) => run.id === chosen) ? chosen : (runs[0]?.id ?? "");
  const row = useRow(id, rowKey);
  // The first run is compared with the second, any other run with the first.
  const other = runs.find((run) => run.id !== id);
  const beside = useRow(other?.id, rowKey);
  const besideRow = beside.data?.items[0];
  return (
    <Stack>
      {runs.length > 1 && (
        <SegmentedControl
          orientation="vertical"
          aria-label={t("case.run")}
          value={id}
          onChange={setChosen}
          data={runs.map((run, at) => ({
            value: run.id,
            label: at === 0 ? t("cases.thisRun") : name(run),
          }))}
        />
      )}
      <Async
        query={row}
        rows={6}
        isEmpty={({ items }) => items.length === 0}
        empty={<Empty title={t("cases.notRun")} />}
      >
        {({ items: [row] }) =>
          row && (
            <CaseDetail
              row={row}
              other={
                other && besideRow
                  ? { name: other.id === runs[0]?.id ? t("cases.thisRun") : name(other), row: besideRow }
                  : undefined
              }
            />
          )
        }
      </Async>
    </Stack>
  );
}
