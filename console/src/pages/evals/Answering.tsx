// The agents that answered in a run, with their versions.
import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

/** Returns a function that names an agent's version. */
export function useVersionName() {
  const { t } = useTranslation("evals");
  return ({ agent, version }: Schemas["RunAgent"]) =>
    version == null ? t("runs.draft", { agent }) : t("runs.version", { agent, version: String(version) });
}

export function Answering({ agents }: { agents: Schemas["RunAgent"][] }) {
  const name = useVersionName();
  if (agents.length === 0) return null;
  return (
    <Text size="sm" span>
      <bdi>{agents.map(name).join(", ")}</bdi>
    </Text>
  );
}
