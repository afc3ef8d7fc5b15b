// What a run does, in a word.
import { Badge } from "@mantine/core";
import { IconLoader2 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { isActive } from "./row";

const states = ["queued", "running", "stopping", "done", "failed", "stopped"] as const;
const colours: Record<string, string> = { done: "teal", failed: "red", stopped: "gray" };

export function RunState({ state }: { state: string }) {
  const { t } = useTranslation("evals");
  const known = states.find((one) => one === state);
  return (
    <Badge
      component="span"
      variant="light"
      color={colours[state] ?? "blue"}
      tt="none"
      leftSection={isActive(state) ? <IconLoader2 size={12} aria-hidden /> : undefined}
    >
      {known ? t(`state.${known}`) : state}
    </Badge>
  );
}
