// The agents that answered in a run, with their versions.
import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useAgentNames } from "@/parts/agentName";

/** Returns a function that names an agent's version. */
export function useVersionName() {
  const { t } = useTranslation("evals");
  const agentNamed = useAgentNames();
  return ({ agent: slug, version }: Schemas["RunAgent"]) => {
    const agent = agentNamed(slug);
    return version == null
      ? t("runs.draft", { agent })
      : t("runs.version", { agent, version: String(version) });
  };
}

export function AnsweringAgents({ agents }: { agents: Schemas["RunAgent"][] }) {
  const name = useVersionName();
  if (agents.length === 0) return null;
  return (
    <Text size="sm" span>
      <bdi>{agents.map(name).join(", ")}</bdi>
    </Text>
  );
}
