// How much of something needs attention, beside the name of where it is.
import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useNewAlerts } from "./newAlerts";

/** Renders nothing for zero. `label` says what is counted. */
export function CountBadge({ count, label }: { count: number; label: string }) {
  if (count === 0) return null;
  return (
    <Badge size="sm" color="orange" variant="filled" circle={count < 10} aria-label={label}>
      {count > 99 ? "99+" : count}
    </Badge>
  );
}

/** Alerts that nobody has seen in this browser. */
export function NewAlerts() {
  const { t } = useTranslation();
  const count = useNewAlerts();
  return <CountBadge count={count} label={t("nav.newAlerts", { count })} />;
}
