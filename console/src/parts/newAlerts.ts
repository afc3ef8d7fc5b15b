// Alerts of providers, and which of them nobody has seen in this browser.
import { useLocalStorage } from "@mantine/hooks";
import { $api } from "@/api/client";

export const useAlerts = () =>
  $api.useQuery("get", "/api/v1/events", { params: { query: { alerts: true } } });

/** The time of the newest alert that was seen, shared by all tabs. */
export const useSeenAlerts = () =>
  useLocalStorage<number>({ key: "frontdesk.alerts", defaultValue: 0, getInitialValueInEffect: false });

/** How many alerts are newer. */
export function useNewAlerts(): number {
  const { data } = useAlerts();
  const [seen] = useSeenAlerts();
  return data?.filter(({ created_at }) => created_at > seen).length ?? 0;
}
