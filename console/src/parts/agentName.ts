// Agents by the name that people read; the short name is what addresses and files call them.
import { useMemo } from "react";
import { $api, type Schemas } from "@/api/client";
import { headerLine } from "./promptBody";

type AgentSource = Pick<Schemas["Agent"], "slug" | "source">;

// A list shows the same few agents in many rows.
const read = new WeakMap<AgentSource, string>();

/** The name in its live prompt file; without one, its short name. */
export function agentName(agent: AgentSource): string {
  const there = read.get(agent);
  if (there !== undefined) return there;
  const name = headerLine(agent.source, "name")?.trim() || agent.slug;
  read.set(agent, name);
  return name;
}

/** Returns a function from an agent's short name to its name. An agent that is gone keeps its short name. */
export function useAgentNames() {
  const { data } = $api.useQuery("get", "/api/v1/agents");
  return useMemo(() => {
    const names = new Map(data?.map((agent) => [agent.slug, agentName(agent)]));
    return (slug: string) => names.get(slug) ?? slug;
  }, [data]);
}
