// A number's state as a badge.
import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { sends } from "@/parts/numberState";
import { type Provider, shakesHands } from "./provider";

type Number = Schemas["Number"];

/** Whether its provider has ever called. Messages can arrive only after that. */
export function isConnected(
  number: Pick<Number, "from" | "verified_at" | "last_webhook_at">,
  provider?: Provider,
) {
  // Numbers from the config file count as connected.
  if (number.from === "file" || (provider && !shakesHands(provider))) return true;
  return !!number.verified_at || !!number.last_webhook_at;
}

export function NumberState({ number, provider }: { number: Number; provider?: Provider }) {
  const { t } = useTranslation("numbers");
  const state = sends(number)
    ? number.state === "at_risk"
      ? "atRisk"
      : isConnected(number, provider)
        ? "ready"
        : "setup"
    : "stopped";
  const colour = { ready: "teal", stopped: "red", setup: "orange", atRisk: "orange" }[state];
  return (
    <Badge component="span" color={colour} variant="light" tt="none">
      {t(`state.${state}`)}
    </Badge>
  );
}
