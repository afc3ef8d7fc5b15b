// The collections: what each one holds, and whether all of it is learned.
import { ActionIcon, Anchor, Badge, Group, Menu, Paper, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBook2, IconDots, IconPencil, IconTrash } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useAgentNames } from "@/parts/agentName";
import { collectionName } from "@/parts/collectionName";
import { Async, Empty } from "@/parts/States";
import { NewCollection } from "./NewCollection";
import { RenameCollection } from "./RenameCollection";
import { useDeleteCollection } from "./useDeleteCollection";

type Collection = Schemas["Collection"];

/** A collection's counts. */
export function Holdings({ collection }: { collection: Collection }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { documents, chunks, learning, failures } = collection;
  return (
    <Group gap="xs" component="span">
      <span>
        {t("collections.documents", { count: documents })} · {t("collections.passages", { count: chunks })}
      </span>
      {learning > 0 && (
        <Badge color="blue" variant="light" tt="none" component="span">
          {t("collections.learning", { count: learning })}
        </Badge>
      )}
      {failures > 0 && (
        <Badge color="red" variant="light" tt="none" component="span">
          {t("collections.failures", { count: failures })}
        </Badge>
      )}
    </Group>
  );
}

export function CollectionMenu({ collection, onGone }: { collection: Collection; onGone?: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const agentNamed = useAgentNames();
  const { remove, busy } = useDeleteCollection();
  const [renames, rename] = useDisclosure();
  const used = collection.agents.length > 0;
  const name = collectionName(collection);
  return (
    <>
      <Menu position="bottom-end" width={260}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            loading={busy}
            aria-label={t("collections.menu", { name })}
          >
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={rename.open}>
            {t("collections.rename")}
          </Menu.Item>
          <Menu.Item
            color={used ? undefined : "red"}
            disabled={used}
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={() => void remove(collection).then((gone) => gone && onGone?.())}
          >
            {t("collections.delete")}
          </Menu.Item>
          {used && (
            <Menu.Label style={{ whiteSpace: "normal" }}>
              {t("collections.inUse", { agents: format.list(collection.agents.map(agentNamed)) })}
            </Menu.Label>
          )}
        </Menu.Dropdown>
      </Menu>
      <RenameCollection collection={collection} opened={renames} onClose={rename.close} />
    </>
  );
}

function Row({ collection }: { collection: Collection }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const agentNamed = useAgentNames();
  const { slug, agents, origin } = collection;
  return (
    <Paper withBorder p="md" component="li" data-testid="collection">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={4}>
          <Group gap="xs">
            <Anchor
              renderRoot={(props) => (
                <Link to="/knowledge/$collection" params={{ collection: slug }} {...props} />
              )}
              fw={600}
              dir="auto"
            >
              {collectionName(collection)}
            </Anchor>
            {(origin === "folder" || origin === "demo") && (
              <Tooltip label={t(`collections.${origin}About`)} multiline maw={280}>
                <Badge variant="default" size="sm" tt="none">
                  {t(`collections.${origin}`)}
                </Badge>
              </Tooltip>
            )}
          </Group>
          <Text size="sm" component="div">
            <Holdings collection={collection} />
          </Text>
          <Text size="sm" c="dimmed">
            {agents.length > 0
              ? t("collections.used", { agents: format.list(agents.map(agentNamed)) })
              : t("collections.unused")}
          </Text>
        </Stack>
        <CollectionMenu collection={collection} />
      </Group>
    </Paper>
  );
}

export function Collections() {
  const { t } = useTranslation(["knowledge", "common"]);
  const query = $api.useQuery("get", "/api/v1/collections", undefined, {
    refetchInterval: ({ state }) => (state.data?.some(({ learning }) => learning > 0) ? 2_000 : false),
  });
  return (
    <Async
      query={query}
      shape="boxes"
      empty={
        <Empty title={t("collections.none")} icon={<IconBook2 />} action={<NewCollection />}>
          {t("collections.noneAbout")}
        </Empty>
      }
    >
      {(all) => (
        <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
          {all.map((collection) => (
            <Row key={collection.id} collection={collection} />
          ))}
        </Stack>
      )}
    </Async>
  );
}
