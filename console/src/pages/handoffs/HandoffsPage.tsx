// Hand-offs: the cases, and each agent's rules.
import { Button, Tabs } from "@mantine/core";
import { IconRobot } from "@tabler/icons-react";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { AgentSelect } from "@/parts/AgentSelect";
import { Page } from "@/parts/Page";
import { Async, Empty } from "@/parts/States";
import { Cases } from "./Cases";
import { RulesOf } from "./RulesOf";

const route = getRouteApi("/desk/handoffs");

function NoAgent() {
  const { t } = useTranslation("handoffs");
  return (
    <Empty
      icon={<IconRobot />}
      title={t("agent.none")}
      action={
        <Button renderRoot={(props) => <Link to="/sandbox" {...props} />} mt="xs">
          {t("agent.make")}
        </Button>
      }
    >
      {t("agent.noneAbout")}
    </Empty>
  );
}

export function HandoffsPage() {
  const { t } = useTranslation("handoffs");
  const { agent, tab } = route.useSearch();
  const navigate = route.useNavigate();
  const agents = $api.useQuery("get", "/api/v1/agents", {});
  const shown = tab === "rules" ? "rules" : "cases";
  return (
    <Page title={t("title")} about={t("about")}>
      <Tabs
        value={shown}
        onChange={(next) =>
          void navigate({ search: (now) => ({ ...now, tab: next === "rules" ? "rules" : undefined }) })
        }
        keepMounted={false}
      >
        <Tabs.List mb="lg">
          <Tabs.Tab value="cases">{t("cases.tab")}</Tabs.Tab>
          <Tabs.Tab value="rules">{t("rules.tab")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="cases">
          <Cases many={(agents.data?.length ?? 0) > 1} />
        </Tabs.Panel>
        <Tabs.Panel value="rules">
          <Async query={agents} empty={<NoAgent />}>
            {(all) => {
              const one = all.find(({ slug }) => slug === agent) ?? all[0];
              return (
                <>
                  {all.length > 1 && (
                    <AgentSelect
                      label={t("agent.label")}
                      agents={all}
                      value={one?.slug}
                      onChange={(next) =>
                        void navigate({ search: (now) => ({ ...now, agent: next ?? undefined }) })
                      }
                      allowDeselect={false}
                      maw={320}
                      mb="lg"
                    />
                  )}
                  {one && <RulesOf key={one.slug} agent={one} />}
                </>
              );
            }}
          </Async>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
