// One collection: its documents, web sources, curated answers and settings. Files can be dropped anywhere on the page.
import { Alert, Group, Tabs, Text } from "@mantine/core";
import { IconShieldLock } from "@tabler/icons-react";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { $api, Failure, type Schemas } from "@/api/client";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { useAgentNames } from "@/parts/agentName";
import { collectionName } from "@/parts/collectionName";
import { Page } from "@/parts/Page";
import { Async, Failed } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { AddDocuments } from "./AddDocuments";
import { Answers } from "./Answers";
import { CollectionMenu, Holdings } from "./Collections";
import { DocumentDrawer } from "./DocumentDrawer";
import { Documents } from "./Documents";
import { DropTarget } from "./DropTarget";
import { Settings } from "./Settings";
import { Sources } from "./Sources";
import { Uploads } from "./Uploads";

const tabs = ["documents", "sources", "answers", "settings"] as const;

export function CollectionPage() {
  const { t } = useTranslation(["knowledge", "common"]);
  const { collection: name } = useParams({ from: "/desk/knowledge/$collection" });
  const navigate = useNavigate();
  const here = useHere();
  const back = { to: "/knowledge", label: t("title") };
  const gone = () => here.current && void navigate({ to: "/knowledge" });
  const query = $api.useQuery("get", "/api/v1/collections", undefined, {
    refetchInterval: ({ state }) => (state.data?.some(({ learning }) => learning > 0) ? 2_000 : false),
  });
  const collection = query.data?.find(({ slug, id }) => slug === name || id === name);
  if (collection) return <CollectionView key={collection.id} collection={collection} gone={gone} />;
  return (
    <Page title={name} back={back}>
      <Async query={query}>{() => <Failed error={new Failure(404, t("collections.gone"))} />}</Async>
    </Page>
  );
}

function CollectionView({ collection, gone }: { collection: Schemas["Collection"]; gone: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const agentNamed = useAgentNames();
  const navigate = useNavigate();
  const { tab } = useSearch({ from: "/desk/knowledge/$collection" });
  const shown = tabs.find((one) => one === tab) ?? "documents";
  const { slug, agents, guards } = collection;
  const guarded = guards.length > 0;
  useLive({
    changed: useCallback((what: Schemas["What"]) => {
      if (what === "knowledge")
        reread("/api/v1/collections/{name}/sources", "/api/v1/collections/{name}/answers");
    }, []),
  });
  return (
    <Page
      title={collectionName(collection)}
      back={{ to: "/knowledge", label: t("title") }}
      about={<CollectionFacts collection={collection} />}
      actions={
        <>
          {!guarded && <AddDocuments collection={slug} />}
          <CollectionMenu collection={collection} onGone={gone} />
        </>
      }
    >
      {guarded && (
        <Alert icon={<IconShieldLock aria-hidden />} title={t("collections.guarded")}>
          {t("collections.guardedAbout", { agents: format.list(guards.map(agentNamed)) })}
        </Alert>
      )}
      {agents.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("collections.unusedAbout")}
        </Text>
      )}
      <Uploads collection={slug} />
      <Tabs
        value={shown}
        keepMounted={false}
        onChange={(next) =>
          void navigate({
            to: "/knowledge/$collection",
            params: { collection: slug },
            search: { tab: next === "documents" ? undefined : (next ?? undefined) },
            replace: true,
          })
        }
      >
        <Tabs.List mb="lg" style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
          {tabs.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {t(`tab.${one}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="documents">
          <Documents collection={collection} />
        </Tabs.Panel>
        <Tabs.Panel value="sources">
          <Sources collection={slug} />
        </Tabs.Panel>
        <Tabs.Panel value="answers">
          <Answers collection={slug} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <Settings collection={slug} />
        </Tabs.Panel>
      </Tabs>
      <DocumentDrawer collection={collection} />
      {!guarded && <DropTarget collection={collection} />}
    </Page>
  );
}

function CollectionFacts({ collection }: { collection: Schemas["Collection"] }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const names = collection.agents.map(useAgentNames());
  return (
    <Group gap="xs" component="span">
      <Holdings collection={collection} />
      <span>
        {names.length > 0 ? t("collections.used", { agents: format.list(names) }) : t("collections.unused")}
      </span>
    </Group>
  );
}
