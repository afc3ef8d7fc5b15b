// A campaign's state as a badge.
import { Badge } from "@mantine/core";
import { IconClockPause, IconLoader2 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { known } from "@/api/words";
import type { Campaign, CampaignState } from "./campaign";

const colours: Record<CampaignState, string> = {
  draft: "gray",
  scheduled: "blue",
  running: "blue",
  stopped: "orange",
  finished: "teal",
};

export function CampaignStateBadge({ campaign: { state, hold } }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const isHeld = state === "running" && !!hold;
  const Icon = isHeld ? IconClockPause : IconLoader2;
  return (
    <Badge
      component="span"
      variant="light"
      tt="none"
      color={isHeld ? "orange" : known(colours, state, "gray")}
      leftSection={state === "running" ? <Icon size={12} aria-hidden /> : undefined}
      data-testid="state"
    >
      {isHeld ? t("held") : t(`state.${state}`, { defaultValue: state })}
    </Badge>
  );
}
