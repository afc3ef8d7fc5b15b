// The finder (Ctrl or Cmd K): goes to a page, conversation or agent, or runs an action of the current page.

import { useDebouncedValue } from "@mantine/hooks";
import {
  createSpotlight,
  Spotlight,
  type SpotlightActionData,
  type SpotlightActionGroupData,
} from "@mantine/spotlight";
import { IconMessageCircle, IconSearch } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { plain } from "@/parts/whatsapp";
import { destinations, sections } from "./places";

const [store, spotlight] = createSpotlight();

/** What the page of preferences holds: it is found by these words, too. */
const preferences = [
  "preferences.language",
  "preferences.colours",
  "notify.title",
  "notify.sound",
  "preferences.signOut",
] as const;

export const showFinder = () => spotlight.open();

type Offers = SpotlightActionData[];

const offers = new Map<symbol, Offers>();
const watchers = new Set<() => void>();
let flat: Offers = [];

function changed() {
  flat = [...offers.values()].flat();
  for (const watcher of watchers) watcher();
}

/** Adds a page's entries while the component is mounted. Pass a stable list (`useMemo`). */
export function useOffers(list: Offers) {
  useEffect(() => {
    const key = Symbol();
    offers.set(key, list);
    changed();
    return () => {
      offers.delete(key);
      changed();
    };
  }, [list]);
}

function useConversations(query: string) {
  const navigate = useNavigate();
  const [q] = useDebouncedValue(query.trim(), 200);
  const { data } = $api.useQuery(
    "get",
    "/api/v1/conversations",
    { params: { query: { q, limit: 6 } } },
    { enabled: q.length > 1, placeholderData: keepPreviousData },
  );
  if (q.length < 2) return [];
  return (data?.items ?? []).map((one): SpotlightActionData => {
    const label = one.contact_name || one.wa_id || one.id;
    return {
      id: one.id,
      label,
      description: plain(one.last_text ?? "") || undefined,
      // Matches any query: the server may have found it by words that are not shown.
      keywords: query,
      leftSection: <IconMessageCircle size={18} aria-hidden />,
      onClick: () => void navigate({ to: "/inbox/$id", params: { id: one.id } }),
    };
  });
}

export function Finder() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [query, setQuery] = useState("");
  const here = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => flat,
  );
  const conversations = useConversations(query);
  const pages = destinations.map(({ to, name, icon: Icon }) => ({
    id: to,
    label: t(`nav.${name}`),
    description: sections.some((one) => one.to === to) ? t("nav.settings") : undefined,
    keywords: name === "preferences" ? preferences.map((key) => t(key)) : undefined,
    leftSection: <Icon size={18} aria-hidden />,
    onClick: () => void navigate({ to }),
  }));
  const groups: SpotlightActionGroupData[] = [
    { group: t("finder.here"), actions: here },
    { group: t("finder.pages"), actions: pages },
    { group: t("finder.conversations"), actions: conversations },
  ].filter(({ actions }) => actions.length > 0);
  return (
    <Spotlight
      store={store}
      actions={groups}
      query={query}
      onQueryChange={setQuery}
      shortcut={["mod + K"]}
      nothingFound={t("finder.nothing")}
      highlightQuery
      limit={20}
      scrollable
      searchProps={{
        leftSection: <IconSearch size={18} aria-hidden />,
        placeholder: t("finder.placeholder"),
        "aria-label": t("finder.placeholder"),
      }}
    />
  );
}
