// A number's state as a badge.
import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { sends } from "@/parts/numberState";
import { isBlocked } from "./findings";
import type { Provider } from "./provider";
import { isConnected } from "./setup";

type Number = Schemas["Number"];

export function NumberState({ number, provider }: { number: Number; provider?: Provider }) {
  const { t } = useTranslation("numbers");
  const state = !sends(number)
    ? "stopped"
    : isBlocked(number)
      ? "blocked"
      : number.state === "at_risk"
        ? "atRisk"
        : number.bot_paused_at
          ? "paused"
          : isConnected(number, provider)
            ? "ready"
            : "setup";
  const colour = {
    ready: "teal",
    stopped: "red",
    blocked: "red",
    setup: "orange",
    atRisk: "orange",
    paused: "orange",
  }[state];
  return (
    <Badge component="span" color={colour} variant="light" tt="none">
      {t(`state.${state}`)}
    </Badge>
  );
}
