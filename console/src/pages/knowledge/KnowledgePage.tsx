// The bot's knowledge: collections, a search test, and unanswered questions.
import { Badge, Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { Page } from "@/parts/Page";
import { Collections } from "./Collections";
import { EmbeddingProgress } from "./EmbeddingProgress";
import { Gaps, useOpenGaps } from "./Gaps";
import { NewCollection } from "./NewCollection";
import { SearchTest } from "./SearchTest";

const tabs = ["collections", "search", "gaps"] as const;

export function KnowledgePage() {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const navigate = useNavigate();
  const { tab, q } = useSearch({ from: "/desk/knowledge" });
  const shown = tabs.find((one) => one === tab) ?? "collections";
  const open = useOpenGaps();
  useLive({
    changed: useCallback((what: Schemas["What"]) => what === "knowledge" && reread("/api/v1/gaps"), []),
  });
  return (
    <Page title={t("title")} about={t("about")} actions={shown === "collections" && <NewCollection />}>
      <EmbeddingProgress />
      <Tabs
        value={shown}
        keepMounted={false}
        onChange={(next) =>
          void navigate({
            to: "/knowledge",
            search: { tab: next === "collections" ? undefined : (next ?? undefined), q },
            replace: true,
          })
        }
      >
        <Tabs.List mb="lg" style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
          {tabs.map((one) => (
            <Tabs.Tab
              key={one}
              value={one}
              rightSection={
                one === "gaps" && open ? (
                  <Badge size="sm" variant="light" color="gray">
                    {open.more ? `${format.count(open.count)}+` : format.count(open.count)}
                  </Badge>
                ) : undefined
              }
            >
              {t(`tab.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="collections">
          <Collections />
        </Tabs.Panel>
        <Tabs.Panel value="search">
          <SearchTest />
        </Tabs.Panel>
        <Tabs.Panel value="gaps">
          <Gaps />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
