// A collection's documents: searched by name, filtered by state, loaded by pages.
import { Group, SegmentedControl, Select, Stack, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconFileText, IconSearch, IconSearchOff } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { usePages } from "@/api/pages";
import { wordsOf } from "@/api/words";
import { MoreButton } from "@/parts/MoreButton";
import { Async, Empty } from "@/parts/States";
import { AddDocuments } from "./AddDocuments";
import { DocumentRow } from "./DocumentRow";
import { hasFolder, originOf } from "./origin";

type Status = Schemas["DocumentStatus"];
type State = "all" | Status;
type DocumentOrigin = Schemas["DocumentOrigin"];
/** The API's state for each filter. */
const states: Record<State, Status | undefined> = {
  all: undefined,
  ready: "ready",
  learning: "learning",
  failed: "failed",
};
const froms: Record<DocumentOrigin, true> = { upload: true, web: true, folder: true };

function useDocuments(name: string, state: State, from: DocumentOrigin | null, q: string) {
  const query = { state: states[state], from: from ?? undefined, q: q || undefined, limit: 50 };
  return usePages(
    (cursor) =>
      $api.queryOptions("get", "/api/v1/collections/{name}/documents", {
        params: { path: { name }, query: { ...query, cursor } },
      }),
    {
      placeholderData: keepPreviousData,
      refetchInterval: ({ state }) =>
        state.data?.pages.some(({ items }) => items.some((one) => one.state === "learning")) ? 1_000 : false,
    },
  );
}

export function Documents({ collection }: { collection: Schemas["Collection"] }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const [state, setState] = useState<State>("all");
  const [from, setFrom] = useState<DocumentOrigin | null>(null);
  const [search, setSearch] = useState("");
  const [q] = useDebouncedValue(search.trim(), 250);
  const query = useDocuments(collection.slug, state, from, q);
  const all = state === "all" && !from && !q;
  return (
    <Stack>
      {(!all || collection.documents > 0) && (
        <Group gap="sm">
          <TextInput
            aria-label={t("documents.search")}
            placeholder={t("documents.search")}
            leftSection={<IconSearch size={16} aria-hidden />}
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
            style={{ flex: "1 1 200px" }}
            dir="auto"
            maw={360}
          />
          <SegmentedControl
            aria-label={t("documents.filter")}
            value={state}
            onChange={setState}
            data={wordsOf(states).map((value) => ({ value, label: t(`documents.${value}`) }))}
          />
          <Select
            aria-label={t("documents.from")}
            placeholder={t("documents.fromAll")}
            data={wordsOf(froms)
              .filter((value) => value !== "folder" || hasFolder(collection.origin))
              .map((value) => ({ value, label: t(`documents.${originOf(value, collection.origin)}`) }))}
            value={from}
            onChange={setFrom}
            clearable
            clearButtonProps={{ "aria-label": t("documents.fromAll") }}
            w={170}
          />
        </Group>
      )}
      <Async query={query} empty={<NoDocuments all={all} collection={collection} />}>
        {(documents) => (
          <>
            <List documents={documents} collection={collection} />
            <MoreButton query={query} mx="auto" />
          </>
        )}
      </Async>
    </Stack>
  );
}

function NoDocuments({ all, collection }: { all: boolean; collection: Schemas["Collection"] }) {
  const { t } = useTranslation(["knowledge", "common"]);
  if (!all)
    return (
      <Empty title={t("documents.noMatch")} icon={<IconSearchOff />}>
        {t("documents.noMatchAbout")}
      </Empty>
    );
  const guarded = collection.guards.length > 0;
  return (
    <Empty
      title={t("documents.none")}
      icon={<IconFileText />}
      action={
        !guarded && (
          <Group mt="xs" gap="xs" justify="center">
            <AddDocuments collection={collection.slug} />
          </Group>
        )
      }
    >
      {t(guarded ? "collections.guarded" : "documents.noneAbout")}
    </Empty>
  );
}

type ListProps = { documents: Schemas["Document"][]; collection: Schemas["Collection"] };

function List({ documents, collection }: ListProps) {
  const { t } = useTranslation(["knowledge", "common"]);
  return (
    <Table verticalSpacing="sm" aria-label={t("documents.list")}>
      <Table.Thead visibleFrom="sm">
        <Table.Tr>
          <Table.Th>{t("documents.name")}</Table.Th>
          <Table.Th w={110}>{t("documents.from")}</Table.Th>
          <Table.Th w={110} ta="end">
            {t("documents.passages")}
          </Table.Th>
          <Table.Th w={90} ta="end">
            {t("documents.size")}
          </Table.Th>
          <Table.Th w={130}>{t("documents.changed")}</Table.Th>
          <Table.Th w={50}>
            <VisuallyHidden>{t("documents.acts")}</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {documents.map((document) => (
          <DocumentRow key={document.id} document={document} collection={collection} />
        ))}
      </Table.Tbody>
    </Table>
  );
}
