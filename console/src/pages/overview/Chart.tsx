// A titled chart of days, drawn or as a table.
import { ChartTable } from "./ChartTable";
import { Drawing } from "./Drawing";
import { Panel } from "./Panel";
import type { ChartData } from "./series";

export function Chart({ asTable, ...shown }: ChartData & { asTable: boolean }) {
  return <Panel title={shown.title}>{asTable ? <ChartTable {...shown} /> : <Drawing {...shown} />}</Panel>;
}
