// One passage found: its text with the question's words marked, and the score of each search leg.
import { Anchor, Group, Mark, Paper, Progress, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, type Schemas } from "@/api/client";
import { queries } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { useSay } from "@/parts/say";
import { pieces } from "./words";

type FoundPassage = Schemas["FoundPassage"];

type Props = {
  passage: FoundPassage;
  question: string;
  /** The highest word score of all passages: that scale has no upper limit. */
  most: number;
  /** The collections that were searched; empty for all. */
  collections: string[];
};

export function Passage({ passage, question, most, collections }: Props) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const { title, source, heading, place, text, score, dense, bm25, ngram, rerank, coverage } = passage;
  const under = [source === title ? "" : source, heading, place].filter(Boolean);
  return (
    <Paper withBorder p="md" component="li" data-testid="passage">
      <Group align="flex-start" gap="lg" wrap="wrap">
        <Stack gap={6} style={{ flex: "1 1 340px", minWidth: 0 }}>
          <div>
            <Text fw={600}>
              <bdi>{title}</bdi>
            </Text>
            <Text size="xs" c="dimmed">
              <bdi>{under.join(" › ")}</bdi>
            </Text>
          </div>
          <Body text={text} question={question} />
          <DocumentLink source={source} collections={collections} />
        </Stack>
        <Stack gap={4} w={{ base: "100%", xs: 220 }}>
          <Score label={t("search.score")} value={score} shown={format.number(score)} strong />
          {dense != null && <Score label={t("search.dense")} value={dense} shown={format.number(dense)} />}
          {bm25 != null && (
            <Score label={t("search.bm25")} value={bm25 / most} shown={format.number(bm25, 1)} />
          )}
          {ngram != null && <Score label={t("search.ngram")} value={ngram} shown={format.number(ngram)} />}
          {rerank != null && <Score label={t("search.rerank")} shown={format.number(rerank)} />}
          <Score label={t("search.coverage")} value={coverage} shown={format.share(coverage)} />
        </Stack>
      </Group>
    </Paper>
  );
}

/** Longer texts are collapsed at first, in characters. */
const long = 600;

function Body({ text, question }: { text: string; question: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const [open, setOpen] = useState(text.length <= long);
  return (
    <>
      <Text size="sm" dir="auto" style={{ whiteSpace: "pre-wrap" }} lineClamp={open ? undefined : 6}>
        {pieces(text, question).map(({ text: part, found }, at) =>
          found ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces never move.
            <Mark key={at}>{part}</Mark>
          ) : (
            part
          ),
        )}
      </Text>
      {!open && (
        <Anchor component="button" type="button" size="sm" w="fit-content" onClick={() => setOpen(true)}>
          {t("common:action.more")}
        </Anchor>
      )}
    </>
  );
}

/** `value`: from 0 to 1, for the bar. */
function Score(props: { label: string; value?: number; shown: string; strong?: boolean }) {
  const { label, value, shown, strong } = props;
  return (
    <div>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="xs" fw={strong ? 600 : undefined}>
          {label}
        </Text>
        <Text size="xs" fw={strong ? 600 : undefined} ff="monospace">
          {shown}
        </Text>
      </Group>
      {value !== undefined && (
        <Progress
          size={4}
          value={Math.min(100, Math.max(0, value * 100))}
          color={strong ? "var(--chart-1)" : "var(--chart-quiet)"}
          aria-label={label}
        />
      )}
    </div>
  );
}

/** A passage has only its document's path, so the document is looked up on demand. */
function DocumentLink({ source, collections }: { source: string; collections: string[] }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const navigate = useNavigate();
  const say = useSay();
  const [busy, setBusy] = useState(false);
  const show = async () => {
    setBusy(true);
    try {
      const all = await queries.ensureQueryData($api.queryOptions("get", "/api/v1/collections"));
      const names = collections.length ? collections : all.map(({ slug }) => slug);
      for (const name of names) {
        const { data } = await api.GET("/api/v1/collections/{name}/documents", {
          params: { path: { name }, query: { q: source } },
        });
        const document = data?.items.find(({ path }) => path === source);
        if (!document) continue;
        return void navigate({
          to: "/knowledge/$collection",
          params: { collection: name },
          search: { document: document.id },
        });
      }
      say.failed(new Error(t("document.gone")));
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Anchor
      component="button"
      type="button"
      size="sm"
      w="fit-content"
      onClick={() => void show()}
      disabled={busy}
    >
      {t("search.show")}
    </Anchor>
  );
}
