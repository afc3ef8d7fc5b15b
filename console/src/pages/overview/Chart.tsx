// A titled chart of days, drawn or as a table.
import { Skeleton } from "@mantine/core";
import { lazy, Suspense } from "react";
import { Loading } from "@/parts/States";
import { ChartTable } from "./ChartTable";
import { Panel } from "./Panel";
import { type ChartData, HEIGHT } from "./series";

// Where its code cannot be fetched, the table says the same.
const Drawing = lazy(() =>
  import("./Drawing").then(({ Drawing }) => ({ default: Drawing })).catch(() => ({ default: ChartTable })),
);

export function Chart({ asTable, ...shown }: ChartData & { asTable: boolean }) {
  const outline = (
    <Loading>
      <Skeleton height={HEIGHT} />
    </Loading>
  );
  return (
    <Panel title={shown.title}>
      {asTable ? (
        <ChartTable {...shown} />
      ) : (
        <Suspense fallback={outline}>
          <Drawing {...shown} />
        </Suspense>
      )}
    </Panel>
  );
}
