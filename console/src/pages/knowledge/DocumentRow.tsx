// One document of the list: its source, its learning state, or why it failed and what to do.
import { ActionIcon, Anchor, Badge, Box, Group, Menu, Progress, Table, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconBuildingStore,
  IconDots,
  IconFolder,
  IconHelpCircle,
  IconRefresh,
  IconTrash,
  IconUpload,
  IconWorld,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";
import { useSay } from "@/parts/say";
import { useRemoval } from "@/parts/useRemoval";
import { When } from "@/parts/When";
import { useFailure } from "./failure";
import { type Origin, originOf } from "./origin";

type Document = Schemas["Document"];

type Props = { document: Document; collection: Schemas["Collection"] };

export function DocumentRow({ document, collection }: Props) {
  const format = useFormat();
  const { id, path, title, state, chunks, size, updated_at } = document;
  const origin = originOf(document.from, collection.origin);
  return (
    <Table.Tr data-testid="document" style={{ verticalAlign: "top" }}>
      <Table.Td>
        <Anchor
          size="sm"
          fw={500}
          dir="auto"
          renderRoot={(props) => (
            <Link
              to="/knowledge/$collection"
              params={{ collection: collection.slug }}
              search={{ document: id }}
              replace
              {...props}
            />
          )}
        >
          {title || path}
        </Anchor>
        {title && title !== path && (
          <Text size="xs" c="dimmed">
            <bdi>{path}</bdi>
          </Text>
        )}
        <Box hiddenFrom="sm" mt={2}>
          <Meta document={document} origin={origin} />
        </Box>
        {state === "learning" && <LearningProgress document={document} />}
        {state === "failed" && <FailureReason document={document} />}
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <OriginLabel from={origin} />
      </Table.Td>
      <Table.Td visibleFrom="sm" ta="end">
        {format.count(chunks)}
      </Table.Td>
      <Table.Td visibleFrom="sm" ta="end" style={{ whiteSpace: "nowrap" }}>
        {size != null && format.size(size)}
      </Table.Td>
      <Table.Td visibleFrom="sm">
        <When at={updated_at} ago />
      </Table.Td>
      <Table.Td w={50} pe={0}>
        {document.removable && <Actions document={document} />}
      </Table.Td>
    </Table.Tr>
  );
}

const icons: Record<Origin, typeof IconFolder> = {
  demo: IconBuildingStore,
  folder: IconFolder,
  upload: IconUpload,
  web: IconWorld,
};

export function OriginLabel({ from }: { from: Origin }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const Icon = known(icons, from, IconHelpCircle);
  return (
    <Group gap={6} wrap="nowrap" component="span">
      <Icon size={16} stroke={1.6} aria-hidden />
      <Text span size="sm">
        {t(`documents.${from}`)}
      </Text>
    </Group>
  );
}

/** The contents of the other columns, for narrow screens. */
function Meta({ document, origin }: { document: Document; origin: Origin }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  return (
    <Group gap={6} c="dimmed" fz="xs">
      <OriginLabel from={origin} />
      <span>· {t("collections.passages", { count: document.chunks })}</span>
      {document.size != null && <span>· {format.size(document.size)}</span>}
    </Group>
  );
}

export function LearningProgress({ document }: { document: Document }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { progress, chunks } = document;
  const stage = t(`stage.${progress?.stage ?? "waiting"}`);
  const { done, total } = progress ?? { done: 0, total: 0 };
  return (
    <Box mt={6} maw={360}>
      <Group gap="xs" wrap="nowrap">
        <Badge color="blue" variant="light" tt="none" style={{ flexShrink: 0 }}>
          {t("documents.learning")}
        </Badge>
        <Text size="xs" c="dimmed">
          {total > 0 ? t("stage.of", { stage, done, total }) : stage}
        </Text>
      </Group>
      {progress && (
        <Progress
          mt={6}
          size="sm"
          value={total > 0 ? (done / total) * 100 : 100}
          animated={total === 0}
          aria-label={stage}
        />
      )}
      {chunks > 0 && (
        <Text size="xs" c="dimmed" mt={4}>
          {t("documents.replaced")}
        </Text>
      )}
    </Box>
  );
}

export function FailureReason({ document }: { document: Document }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { why, what } = useFailure()(document);
  return (
    <Group gap={6} wrap="nowrap" align="flex-start" mt={6}>
      <IconAlertTriangle
        size={16}
        aria-hidden
        color="var(--mantine-color-red-text)"
        style={{ flexShrink: 0, marginBlockStart: 2 }}
      />
      <div>
        <Text size="sm" c="red">
          {t("documents.failed")}: {why}
        </Text>
        {what && <Text size="sm">{t("documents.remedy", { remedy: what })}</Text>}
      </div>
    </Group>
  );
}

/** Learning again and deleting, with their texts. */
export function useActs(document: Document, gone?: () => void) {
  const { t } = useTranslation(["knowledge", "common"]);
  const removal = useRemoval();
  const say = useSay();
  const params = { params: { path: { id: document.id } } };
  const changed = () =>
    reread("/api/v1/collections", "/api/v1/collections/{name}/documents", "/api/v1/documents/{id}");
  const learning = $api.useMutation("post", "/api/v1/documents/{id}/retry");
  const deletion = $api.useMutation("delete", "/api/v1/documents/{id}");
  const name = document.title || document.path;
  const again = () => learning.mutate(params, { onSuccess: changed, onError: say.failed });
  const remove = () =>
    removal(
      {
        title: t("documents.deleteTitle", { name }),
        text: t("documents.deleteText"),
        yes: t("common:action.delete"),
      },
      async () => {
        await deletion.mutateAsync(params);
        gone?.();
        reread("/api/v1/collections", "/api/v1/collections/{name}/documents");
      },
      t("documents.deleted", { name }),
    );
  return { again, remove, busy: learning.isPending || deletion.isPending };
}

function Actions({ document }: { document: Document }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { again, remove, busy } = useActs(document);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          loading={busy}
          aria-label={t("documents.menu", { name: document.title || document.path })}
        >
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {document.from === "upload" && (
          <Menu.Item
            leftSection={<IconRefresh size={16} aria-hidden />}
            onClick={again}
            disabled={document.state === "learning"}
          >
            {t("documents.again")}
          </Menu.Item>
        )}
        <Menu.Item
          color="red"
          leftSection={<IconTrash size={16} aria-hidden />}
          onClick={() => void remove()}
        >
          {t("common:action.delete")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
