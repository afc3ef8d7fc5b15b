// Follows a run in progress: row by row from its events, then reads it again when it has ended.
import { useEffect, useState } from "react";
import { $api, type Schemas } from "@/api/client";
import { queries, reread } from "@/api/queries";

/** What the event of a finished row holds: its title and the counts so far. */
export type Progress = Pick<Schemas["RowView"], "title"> & { counts: Schemas["Counts"] };

/** The progress of a running run; undefined before its first row and after its end. */
export function useProgress(id: string, isOn: boolean): Progress | undefined {
  const [progress, setProgress] = useState<Progress>();
  useEffect(() => {
    if (!isOn) return;
    const source = new EventSource(`/api/v1/evals/runs/${encodeURIComponent(id)}/events`);
    let due: ReturnType<typeof setTimeout> | undefined;
    source.addEventListener("row", (event) => {
      setProgress(JSON.parse(event.data));
      // Limits how often the table is read again, however fast rows arrive.
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
    // The stream comes back by itself, unless the run has ended and its rows cannot be read.
    source.addEventListener("error", () => reread("/api/v1/evals/runs/{id}"));
    return () => {
      clearTimeout(due);
      source.close();
      setProgress(undefined);
      // The end may be reported elsewhere first, before the last rows were read.
      reread("/api/v1/evals/compare");
    };
  }, [id, isOn]);
  return progress;
}
