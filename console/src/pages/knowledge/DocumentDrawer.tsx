// A document and its passages. Its id is in the address, so that other pages can link to it.
import { Badge, Button, Divider, Drawer, Group, Stack, Text, Title, Tooltip } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, Failure, type Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { FoldedList } from "@/parts/FoldedList";
import { NewTabIcon } from "@/parts/NewTabIcon";
import { Async, Failed } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { When } from "@/parts/When";
import { FailureReason, LearningProgress, OriginLabel, useActs } from "./DocumentRow";
import { originalOf, originOf } from "./origin";

type Collection = Schemas["Collection"];

export function DocumentDrawer({ collection }: { collection: Collection }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const navigate = useNavigate();
  const { document: id, tab } = useSearch({ from: "/desk/knowledge/$collection" });
  const close = () =>
    void navigate({
      to: "/knowledge/$collection",
      params: { collection: collection.slug },
      search: { tab },
      replace: true,
    });
  return (
    <Drawer opened={!!id} onClose={close} position="right" size="lg" title={t("document.title")}>
      {id && <Document key={id} id={id} collection={collection} close={close} />}
    </Drawer>
  );
}

type DocumentProps = { id: string; collection: Collection; close: () => void };

function Document({ id, collection, close }: DocumentProps) {
  const { t } = useTranslation(["knowledge", "common"]);
  const here = useHere();
  const params = { params: { path: { id } } };
  const query = $api.useQuery("get", "/api/v1/documents/{id}", params, {
    refetchInterval: ({ state }) => (state.data?.state === "learning" ? 1_000 : false),
  });
  const gone = query.error instanceof Failure && query.error.status === 404;
  if (gone) return <Failed error={new Failure(404, t("document.gone"))} />;
  return (
    <Async query={query}>
      {(document) => (
        <Stack>
          <Head document={document} collection={collection} close={() => here.current && close()} />
          <Passages document={document} />
        </Stack>
      )}
    </Async>
  );
}

type HeadProps = { document: Schemas["Document"]; collection: Collection; close: () => void };

function Head({ document, collection, close }: HeadProps) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const { again, remove, busy } = useActs(document, close);
  const { title, path, size, updated_at, state, from, removable } = document;
  const { file, page } = originalOf(document, collection.origin);
  return (
    <Stack gap="xs">
      <div>
        <Title order={3}>
          <bdi>{title || path}</bdi>
        </Title>
        {title && title !== path && (
          <Text size="sm" c="dimmed">
            <bdi>{path}</bdi>
          </Text>
        )}
      </div>
      <Group gap={6} fz="sm" c="dimmed">
        <OriginLabel from={originOf(from, collection.origin)} />
        {size != null && <span>· {format.size(size)}</span>}
        <span>
          · <When at={updated_at} ago />
        </span>
      </Group>
      {state === "learning" && <LearningProgress document={document} />}
      {state === "failed" && <FailureReason document={document} />}
      {(file || page || removable) && (
        <Group gap="xs">
          {file && (
            <Button component="a" href={file} download size="xs" variant="default">
              {t("document.original")}
            </Button>
          )}
          {page && (
            <Button component="a" href={page} target="_blank" rel="noreferrer" size="xs" variant="default">
              {t("document.page")}
              <NewTabIcon />
            </Button>
          )}
          {removable && from === "upload" && (
            <Button
              size="xs"
              variant="default"
              onClick={again}
              loading={busy}
              disabled={state === "learning"}
            >
              {t("documents.again")}
            </Button>
          )}
          {removable && (
            <Button size="xs" variant="light" color="red" onClick={() => void remove()} disabled={busy}>
              {t("common:action.delete")}
            </Button>
          )}
        </Group>
      )}
      {!removable && (
        <Text size="sm" c="dimmed">
          {t(from === "web" ? "documents.webKept" : "documents.folderKept")}
        </Text>
      )}
    </Stack>
  );
}

function Passages({ document }: { document: Schemas["Document"] }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { id, state, chunks, updated_at } = document;
  const query = $api.useQuery(
    "get",
    "/api/v1/documents/{id}/chunks",
    // The server ignores the last part: it makes the cache read a changed document again.
    { params: { path: { id } }, changed: `${updated_at} ${chunks}` },
  );
  return (
    <div>
      <Title order={4} mb="xs">
        {t("document.passages")}
      </Title>
      <Async
        query={query}
        empty={
          <Text size="sm" c="dimmed">
            {t(state === "learning" ? "document.notYet" : "document.none")}
          </Text>
        }
      >
        {(all) => (
          <FoldedList all={all}>
            {(shown) => (
              <Stack component="ol" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
                {shown.map((chunk) => (
                  <Chunk key={chunk.id} chunk={chunk} />
                ))}
              </Stack>
            )}
          </FoldedList>
        )}
      </Async>
    </div>
  );
}

function Chunk({ chunk }: { chunk: Schemas["DocumentChunk"] }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { heading, place, text, tokens, embedded } = chunk;
  return (
    <li data-testid="chunk">
      <Divider mb="sm" />
      <Group justify="space-between" align="flex-start" wrap="nowrap" gap="xs" mb={4}>
        <Text size="xs" c="dimmed" dir="auto">
          {[heading, place].filter(Boolean).join(" › ")}
        </Text>
        <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
          {t("document.tokens", { count: tokens })}
        </Text>
      </Group>
      <Text size="sm" dir="auto" style={{ whiteSpace: "pre-wrap" }}>
        {text}
      </Text>
      {!embedded && (
        <Tooltip label={t("document.notEmbeddedAbout")}>
          <Badge variant="default" size="sm" tt="none" mt={4}>
            {t("document.notEmbedded")}
          </Badge>
        </Tooltip>
      )}
    </li>
  );
}
