// An alarm: support contacts who were not notified of a case.
import { Alert } from "@mantine/core";
import { IconBellOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { When } from "@/parts/When";

/** How long an alarm is shown, in milliseconds. */
const SHOWN = 24 * 3_600_000;

/** The newest lost notice of the last day; the newest event comes first. */
export function lostNotice(events: Schemas["Event"][], now: number): Schemas["Event"] | undefined {
  return events.find(({ kind, created_at }) => kind === "notice_lost" && created_at > now - SHOWN);
}

export function LostNotices() {
  const { t } = useTranslation("handoffs");
  const events = $api.useQuery("get", "/api/v1/events", { params: { query: { alerts: true } } });
  const lost = lostNotice(events.data ?? [], Date.now());
  if (!lost) return null;
  return (
    <Alert color="red" icon={<IconBellOff aria-hidden />} title={t("lost.title")}>
      {t("lost.about")} (<When at={lost.created_at} ago />)
    </Alert>
  );
}
