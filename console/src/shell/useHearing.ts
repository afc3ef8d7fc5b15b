// Applies live events on every page. The inbox subscribes to its conversations by itself.
import { useCallback, useRef } from "react";
import { type ChangeKind, useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { known } from "@/api/words";

const routes: Record<ChangeKind, string[]> = {
  agents: ["/api/v1/agents", "/api/v1/agents/{agent}", "/api/v1/agents/{agent}/versions"],
  numbers: ["/api/v1/numbers", "/api/v1/events"],
  knowledge: ["/api/v1/collections", "/api/v1/collections/{name}/documents"],
  evals: ["/api/v1/evals/runs", "/api/v1/evals/runs/{id}", "/api/v1/evals/suites", "/api/v1/evals/cases"],
  escalations: ["/api/v1/escalations", "/api/v1/events"],
  campaigns: [
    "/api/v1/campaigns",
    "/api/v1/campaigns/{id}",
    "/api/v1/campaigns/{id}/results",
    "/api/v1/campaigns/{id}/recipients",
  ],
  models: ["/api/v1/settings/models", "/api/v1/status", "/api/v1/models"],
};

/** Reloads the menu's counts at most once a second. */
export function useHearing() {
  const soon = useRef<ReturnType<typeof setTimeout>>(undefined);
  const conversation = useCallback(() => {
    soon.current ??= setTimeout(() => {
      soon.current = undefined;
      reread("/api/v1/conversations/counts");
    }, 1_000);
  }, []);
  const changed = useCallback((what: ChangeKind) => reread(...known(routes, what, [])), []);
  useLive({ conversation, changed });
}
