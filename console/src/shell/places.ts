// The menu's pages in order; `key` is pressed after g.
import {
  IconBell,
  IconBook2,
  IconChartBar,
  IconChecklist,
  IconDeviceMobile,
  IconFlask,
  IconHeadset,
  IconInbox,
  IconRocket,
  IconSettings,
} from "@tabler/icons-react";

export const places = [
  { to: "/", name: "start", key: "s", icon: IconRocket },
  { to: "/inbox", name: "inbox", key: "i", icon: IconInbox },
  { to: "/sandbox", name: "sandbox", key: "b", icon: IconFlask },
  { to: "/knowledge", name: "knowledge", key: "k", icon: IconBook2 },
  { to: "/handoffs", name: "handoffs", key: "h", icon: IconHeadset },
  { to: "/evals", name: "evals", key: "e", icon: IconChecklist },
  { to: "/numbers", name: "numbers", key: "n", icon: IconDeviceMobile },
  { to: "/alerts", name: "alerts", key: "a", icon: IconBell },
  { to: "/overview", name: "overview", key: "o", icon: IconChartBar },
  { to: "/settings/models", name: "settings", key: "t", icon: IconSettings },
] as const;
