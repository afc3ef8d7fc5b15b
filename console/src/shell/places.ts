// The menu's pages and the sections of the settings, in order; `key` is pressed after g.
import {
  IconAdjustments,
  IconBell,
  IconBook2,
  IconChartBar,
  IconChecklist,
  IconDeviceMobile,
  IconFlask,
  IconHeadset,
  IconHistory,
  IconInbox,
  IconRocket,
  IconSettings,
  IconSparkles,
  IconSpeakerphone,
} from "@tabler/icons-react";

export const places = [
  { to: "/", name: "start", key: "s", icon: IconRocket },
  { to: "/inbox", name: "inbox", key: "i", icon: IconInbox },
  { to: "/campaigns", name: "campaigns", key: "c", icon: IconSpeakerphone },
  { to: "/sandbox", name: "sandbox", key: "b", icon: IconFlask },
  { to: "/knowledge", name: "knowledge", key: "k", icon: IconBook2 },
  { to: "/handoffs", name: "handoffs", key: "h", icon: IconHeadset },
  { to: "/evals", name: "evals", key: "e", icon: IconChecklist },
  { to: "/numbers", name: "numbers", key: "n", icon: IconDeviceMobile },
  { to: "/overview", name: "overview", key: "o", icon: IconChartBar },
  { to: "/settings", name: "settings", key: "t", icon: IconSettings },
] as const;

/** The first one is shown by `/settings`. */
export const sections = [
  { to: "/settings/models", name: "models", key: "m", icon: IconSparkles },
  { to: "/settings/activity", name: "activity", key: "l", icon: IconHistory },
  { to: "/settings/alerts", name: "alerts", key: "a", icon: IconBell },
  { to: "/settings/preferences", name: "preferences", key: "p", icon: IconAdjustments },
] as const;

/** Every page that a key or the finder leads to. */
export const destinations = [...places, ...sections];
