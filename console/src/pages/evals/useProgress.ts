// A run as it goes on: told row by row, and read again when it has ended.
import { useEffect, useState } from "react";
import { $api, type Schemas } from "@/api/client";
import { queries, reread } from "@/api/queries";

/** What a row that has ended tells: its title, and the counts so far. */
export type Progress = Pick<Schemas["RowView"], "title"> & { counts: Schemas["Counts"] };

/** How far the run is while it goes on; undefined before the first row and when it has ended. */
export function useProgress(id: string, isOn: boolean): Progress | undefined {
  const [progress, setProgress] = useState<Progress>();
  useEffect(() => {
    if (!isOn) return;
    const source = new EventSource(`/api/v1/evals/runs/${encodeURIComponent(id)}/events`);
    let due: ReturnType<typeof setTimeout> | undefined;
    source.addEventListener("row", (event) => {
      setProgress(JSON.parse(event.data));
      // However fast rows come, the table is read again now and then.
      due ??= setTimeout(() => {
        due = undefined;
        reread("/api/v1/evals/compare");
      }, 1_500);
    });
    source.addEventListener("done", (event) => {
      source.close();
      const { queryKey } = $api.queryOptions("get", "/api/v1/evals/runs/{id}", { params: { path: { id } } });
      const run: Schemas["Run"] | null = JSON.parse(event.data);
      if (run) queries.setQueryData(queryKey, run);
      reread("/api/v1/evals/runs", "/api/v1/evals/runs/{id}", "/api/v1/evals/compare");
    });
    return () => {
      clearTimeout(due);
      source.close();
      setProgress(undefined);
      // That it has ended may be heard elsewhere first: then the last rows were not read yet.
      reread("/api/v1/evals/compare");
    };
  }, [id, isOn]);
  return progress;
}
