import { QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { queries } from "@/api/queries";
import { agentName, useAgentNames } from "./agentName";

const file = (name: string) => `---\nname: ${name}\n---\nYou answer customers.\n`;

test("an agent is called by the name in its file, or else by its short name", () => {
  expect(agentName({ slug: "cycles", source: file("Blue Door Cycles") })).toBe("Blue Door Cycles");
  expect(agentName({ slug: "cycles", source: file('" "') })).toBe("cycles");
  expect(agentName({ slug: "cycles", source: "You answer customers.\n" })).toBe("cycles");
});

function AgentNames({ slugs }: { slugs: string[] }) {
  return slugs.map(useAgentNames()).join(", ");
}

test("an agent that is gone keeps its short name", () => {
  queries.setQueryData(["get", "/api/v1/agents"], [{ slug: "cycles", source: file("Blue Door Cycles") }]);
  const said = renderToStaticMarkup(
    <QueryClientProvider client={queries}>
      <AgentNames slugs={["cycles", "gone"]} />
    </QueryClientProvider>,
  );
  expect(said).toBe("Blue Door Cycles, gone");
});
