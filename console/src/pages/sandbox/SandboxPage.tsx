// The sandbox for prompt authors: the agent on one side, a conversation with it on the other. This component
// chooses the agent.
import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { lazyDialog } from "@/parts/lazyDialog";
import { Page, useTitle } from "@/parts/Page";
import { Async, Empty } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { Workbench } from "./Workbench";

const route = getRouteApi("/desk/sandbox");
const kept = "frontdesk.sandbox.agent";
const NewAgentDialog = lazyDialog(async () => (await import("./NewAgentDialog")).NewAgentDialog);

export function SandboxPage() {
  // Loads both namespaces, so that the first trace does not wait for its texts.
  const { t } = useTranslation(["sandbox", "trace"]);
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const here = useHere();
  const agents = $api.useQuery("get", "/api/v1/agents");
  const [making, setMaking] = useState(false);
  useTitle(t("title"));
  const go = (agent: string) => {
    localStorage.setItem(kept, agent);
    void navigate({ search: { agent } });
  };
  // The agent in the address, else the last one used here, else the first.
  const list = agents.data ?? [];
  const named = (slug: string | null | undefined) => list.find((one) => one.slug === slug || one.id === slug);
  const chosen = search.agent ? named(search.agent) : (named(localStorage.getItem(kept)) ?? list[0]);
  return (
    <>
      {chosen ? (
        <Workbench
          key={chosen.slug}
          live={chosen}
          agents={list}
          first={{ version: search.version, ask: search.ask }}
          onAgent={go}
          onNew={() => setMaking(true)}
          onGone={() => {
            localStorage.removeItem(kept);
            if (here.current) void navigate({ search: {} });
          }}
          onAsked={() =>
            void navigate({ search: ({ agent, version }) => ({ agent, version }), replace: true })
          }
        />
      ) : (
        <Page title={t("title")}>
          <Async query={agents}>
            {() => (
              <Empty
                title={search.agent ? t("agent.gone", { agent: search.agent }) : t("agent.none")}
                action={
                  <Button
                    mt="sm"
                    leftSection={<IconPlus size={16} aria-hidden />}
                    onClick={() => setMaking(true)}
                  >
                    {t("agent.new")}
                  </Button>
                }
              >
                {t("agent.noneAbout")}
              </Empty>
            )}
          </Async>
        </Page>
      )}
      <NewAgentDialog
        opened={making}
        onClose={() => setMaking(false)}
        taken={list.map(({ slug }) => slug)}
        onMade={go}
      />
    </>
  );
}
