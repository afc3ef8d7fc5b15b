// A run's state as a badge.
import { Badge } from "@mantine/core";
import { IconLoader2 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { isActive } from "./row";

type State = Schemas["RunState"];
const colours: Record<State, string> = {
  queued: "blue",
  running: "blue",
  stopping: "blue",
  done: "teal",
  failed: "red",
  stopped: "gray",
};

export function RunState({ state }: { state: State }) {
  const { t } = useTranslation("evals");
  return (
    <Badge
      component="span"
      variant="light"
      color={colours[state]}
      tt="none"
      leftSection={isActive(state) ? <IconLoader2 size={12} aria-hidden /> : undefined}
    >
      {t(`state.${state}`)}
    </Badge>
  );
}
