// The agent that a suite asks.
import { useTranslation } from "react-i18next";
import { useAgentNames } from "@/parts/agentName";

export function SuiteAgent({ agent }: { agent: string | null | undefined }) {
  const { t } = useTranslation("evals");
  const agentNamed = useAgentNames();
  if (!agent) return null;
  return (
    <span>
      {t("suites.asks")} <bdi>{agentNamed(agent)}</bdi>
    </span>
  );
}
