// A collection's web sources: pages, sites and sitemaps.
import { ActionIcon, Anchor, Badge, Button, Group, Paper, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconRefresh, IconTrash, IconWorld } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { Async, Empty } from "@/parts/States";
import { useSay } from "@/parts/say";
import { useRemoval } from "@/parts/useRemoval";
import { usePageReason } from "./failure";
import { NewSource } from "./NewSource";

type Source = Schemas["Source"];

export function Sources({ collection }: { collection: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const [opened, { open, close }] = useDisclosure();
  const query = $api.useQuery(
    "get",
    "/api/v1/collections/{name}/sources",
    { params: { path: { name: collection } } },
    { refetchInterval: ({ state }) => (state.data?.some((one) => one.state === "waiting") ? 2_000 : false) },
  );
  const add = (
    <Button variant="default" leftSection={<IconPlus size={18} aria-hidden />} onClick={open}>
      {t("sources.add")}
    </Button>
  );
  return (
    <>
      <Async
        query={query}
        shape="boxes"
        empty={
          <Empty title={t("sources.none")} icon={<IconWorld />} action={add}>
            {t("sources.noneAbout")}
          </Empty>
        }
      >
        {(sources) => (
          <Stack align="flex-start">
            {add}
            <Stack component="ul" gap="sm" p={0} m={0} w="100%" style={{ listStyle: "none" }}>
              {sources.map((source) => (
                <Row key={source.id} source={source} collection={collection} />
              ))}
            </Stack>
          </Stack>
        )}
      </Async>
      <NewSource collection={collection} opened={opened} close={close} />
    </>
  );
}

const colours: Record<Schemas["SourceState"], string> = {
  waiting: "blue",
  ready: "teal",
  partial: "orange",
  failed: "red",
};

function Row({ source, collection }: { source: Source; collection: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const reasonOf = usePageReason();
  const { url, kind, state, documents, crawled_at, due_at, error, error_code, failed } = source;
  const facts = [
    t(`sources.${kind}`),
    t("collections.documents", { count: documents }),
    crawled_at && t("sources.crawled", { when: format.ago(crawled_at) }),
    due_at && state !== "waiting" && t("sources.due", { when: format.ago(due_at) }),
  ];
  return (
    <Paper withBorder p="md" component="li" data-testid="source">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={4}>
          <Group gap="xs">
            <Anchor href={url} target="_blank" rel="noreferrer" fw={500} size="sm" dir="ltr">
              {url}
            </Anchor>
            <Badge color={colours[state]} variant="light" tt="none">
              {t(`sources.${state}`)}
            </Badge>
          </Group>
          <Text size="sm" c="dimmed">
            {facts.filter(Boolean).join(" · ")}
          </Text>
          {error && (
            <Text size="sm" c="red" dir="auto">
              {reasonOf(error, error_code)}
            </Text>
          )}
          {failed.length > 0 && <FailedPages source={source} />}
        </Stack>
        <Actions source={source} collection={collection} />
      </Group>
    </Paper>
  );
}

function FailedPages({ source: { failed } }: { source: Source }) {
  const reasonOf = usePageReason();
  const { t } = useTranslation(["knowledge", "common"]);
  const [open, setOpen] = useState(false);
  return (
    <>
      <Anchor
        component="button"
        type="button"
        size="sm"
        w="fit-content"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {t("sources.unread", { count: failed.length })}
      </Anchor>
      {open &&
        failed.map((page) => (
          <Text key={page.url} size="sm">
            <bdi>{page.url}</bdi>: <bdi>{reasonOf(page.reason, page.reason_code)}</bdi>
          </Text>
        ))}
    </>
  );
}

function Actions({ source, collection }: { source: Source; collection: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const removal = useRemoval();
  const say = useSay();
  const { url, id, state } = source;
  const params = { params: { path: { name: collection, id } } };
  const refreshing = $api.useMutation("post", "/api/v1/collections/{name}/sources/{id}/refresh");
  const deletion = $api.useMutation("delete", "/api/v1/collections/{name}/sources/{id}");
  const changed = () =>
    reread(
      "/api/v1/collections",
      "/api/v1/collections/{name}/sources",
      "/api/v1/collections/{name}/documents",
    );
  const refresh = () =>
    refreshing.mutate(params, {
      onSuccess: () => {
        changed();
        say.done(t("sources.refreshed"));
      },
      onError: say.failed,
    });
  const remove = () =>
    removal(
      {
        title: t("sources.removeTitle"),
        text: t("sources.removeText", { url }),
        yes: t("common:action.remove"),
      },
      async () => {
        await deletion.mutateAsync(params);
        changed();
      },
      t("sources.removed"),
    );
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={t("sources.refreshShort")}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          loading={refreshing.isPending}
          disabled={state === "waiting"}
          onClick={refresh}
          aria-label={t("sources.refresh", { url })}
        >
          <IconRefresh size={18} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={t("common:action.remove")}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          loading={deletion.isPending}
          onClick={() => void remove()}
          aria-label={t("sources.remove", { url })}
        >
          <IconTrash size={18} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
