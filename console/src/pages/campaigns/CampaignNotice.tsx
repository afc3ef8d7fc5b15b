// What a campaign waits for, or why it stopped, and what to do.
import { Alert, Anchor } from "@mantine/core";
import { IconAlertTriangle, IconClock, IconInfoCircle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { type Campaign, waiting } from "./campaign";

export function CampaignNotice({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const format = useFormat();
  const { state, hold, reason, starts_at, number_id } = campaign;
  const link = (
    <Anchor
      inherit
      c="inherit"
      underline="always"
      renderRoot={(props) => <Link to="/numbers/$number" params={{ number: number_id }} {...props} />}
    >
      {t("notice.number")}
    </Anchor>
  );
  if (state === "draft")
    return (
      <Alert color="blue" icon={<IconInfoCircle aria-hidden />}>
        {t(waiting(campaign) > 0 ? "notice.draft" : "notice.empty")}
      </Alert>
    );
  if (state === "scheduled" && starts_at != null)
    return (
      <Alert color="blue" icon={<IconClock aria-hidden />}>
        {t("notice.scheduled", { time: format.full(starts_at) })}
      </Alert>
    );
  if (state === "running" && hold)
    return (
      <Alert color="orange" icon={<IconClock aria-hidden />}>
        {t(`notice.hold.${hold}`, { defaultValue: t("held") })} {link}
      </Alert>
    );
  if (state === "stopped")
    return (
      <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
        {t(`notice.stopped.${reason ?? "person"}`, { defaultValue: t("state.stopped") })}{" "}
        {reason && reason !== "person" && link}
      </Alert>
    );
  return null;
}
