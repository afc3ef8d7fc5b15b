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

type Props = { state: State; counts?: Schemas["Counts"] | null };

export function RunState({ state, counts }: Props) {
  const { t } = useTranslation("evals");
  // A run that is done has not passed for that.
  const wrong = state === "done" && counts ? counts.failed + counts.errors : 0;
  return (
    <Badge
      component="span"
      variant="light"
      color={wrong > 0 ? "red" : colours[state]}
      tt="none"
      leftSection={isActive(state) ? <IconLoader2 size={12} aria-hidden /> : undefined}
    >
      {wrong > 0 ? t("state.wrong", { count: wrong }) : t(`state.${state}`)}
    </Badge>
  );
}
