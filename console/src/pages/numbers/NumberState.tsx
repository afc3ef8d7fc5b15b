// A number's state as a badge.
import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { sends } from "@/parts/numberState";
import { isBlocked } from "./findings";
import { isLinked, linkLevel } from "./link";
import type { Provider } from "./provider";
import { isConnected } from "./setup";

type Number = Schemas["Number"];

const colours = {
  ready: "teal",
  stopped: "red",
  blocked: "red",
  setup: "orange",
  atRisk: "orange",
  paused: "orange",
};

function stateOf(number: Number, provider?: Provider): keyof typeof colours {
  if (!sends(number)) return "stopped";
  if (isBlocked(number)) return "blocked";
  if (number.state === "at_risk") return "atRisk";
  if (number.bot_paused_at) return "paused";
  return isConnected(number, provider) && isLinked(number) ? "ready" : "setup";
}

export function NumberState({ number, provider }: { number: Number; provider?: Provider }) {
  const { t } = useTranslation("numbers");
  const { connection } = number;
  const state = stateOf(number, provider);
  // What its link says is more than that it does not work.
  const link = state !== "stopped" && !isLinked(number) ? connection?.state : undefined;
  const isLost = connection && linkLevel(connection) === "error";
  return (
    <Badge
      component="span"
      color={link ? (isLost ? "red" : "orange") : colours[state]}
      variant="light"
      tt="none"
    >
      {link ? t(`link.state.${link}`, { defaultValue: link }) : t(`state.${state}`)}
    </Badge>
  );
}
