// Searches the knowledge as an agent does and shows the passages.
import {
  Anchor,
  Button,
  Group,
  MultiSelect,
  NumberInput,
  Progress,
  Stack,
  Text,
  TextInput,
  Title,
  Tooltip,
} from "@mantine/core";
import { IconFlask, IconSearch } from "@tabler/icons-react";
import { keepPreviousData } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { collectionOptions } from "@/parts/collectionName";
import { Empty, Failed, Loading } from "@/parts/States";
import { Passage } from "./Passage";

export function SearchTest() {
  const { t } = useTranslation(["knowledge", "common"]);
  const navigate = useNavigate();
  const { q = "" } = useSearch({ from: "/desk/knowledge" });
  const [question, setQuestion] = useState(q);
  const [collections, setCollections] = useState<string[]>([]);
  const [limit, setLimit] = useState(5);
  const all = $api.useQuery("get", "/api/v1/collections");
  const found = $api.useQuery(
    "post",
    "/api/v1/knowledge/search",
    { body: { question: q, collections, limit } },
    { enabled: q.trim().length > 0, placeholderData: keepPreviousData },
  );
  const ask = () => {
    const next = question.trim();
    // The same question is searched again: the documents may have changed.
    if (next && next === q) void found.refetch();
    else void navigate({ to: "/knowledge", search: { tab: "search", q: next || undefined }, replace: true });
  };
  return (
    <Stack>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <Group align="flex-end" gap="sm">
          <TextInput
            label={t("search.question")}
            placeholder={t("search.placeholder")}
            value={question}
            onChange={(event) => setQuestion(event.currentTarget.value)}
            maxLength={1_000}
            dir="auto"
            style={{ flex: "1 1 280px" }}
          />
          <MultiSelect
            label={t("search.collections")}
            placeholder={collections.length ? undefined : t("search.allCollections")}
            data={collectionOptions(all.data ?? [])}
            value={collections}
            onChange={setCollections}
            clearable
            clearButtonProps={{ "aria-label": t("search.allCollections") }}
            style={{ flex: "0 1 240px" }}
          />
          <NumberInput
            label={t("search.limit")}
            value={limit}
            onChange={(value) => setLimit(Math.min(50, Math.max(1, Number(value) || 5)))}
            min={1}
            max={50}
            allowDecimal={false}
            w={110}
          />
          <Button
            type="submit"
            leftSection={<IconSearch size={18} aria-hidden />}
            loading={found.isFetching}
            disabled={!question.trim()}
          >
            {t("search.go")}
          </Button>
        </Group>
      </form>
      <Results question={q} found={found} collections={collections} />
    </Stack>
  );
}

type SearchResults = Schemas["SearchResults"];

type ResultsProps = {
  question: string;
  found: { data?: SearchResults; error: unknown; refetch: () => unknown };
  collections: string[];
};

function Results({ question, found, collections }: ResultsProps) {
  const { t } = useTranslation(["knowledge", "common"]);
  if (!question)
    return (
      <Empty title={t("search.begin")} icon={<IconSearch />}>
        {t("search.beginAbout")}
      </Empty>
    );
  if (found.error) return <Failed error={found.error} again={() => void found.refetch()} />;
  if (!found.data) return <Loading rows={3} />;
  const { passages } = found.data;
  return (
    <Stack gap="md" aria-live="polite">
      <Summary question={question} results={found.data} />
      {passages.length === 0 ? (
        <Empty title={t("search.none")}>{t("search.noneAbout")}</Empty>
      ) : (
        <>
          <Title order={2}>{t("search.results")}</Title>
          <Stack component="ol" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
            {passages.map((passage, at) => (
              <Passage
                // biome-ignore lint/suspicious/noArrayIndexKey: a passage has no id, and its place is its own.
                key={at}
                passage={passage}
                question={question}
                most={Math.max(...passages.map(({ bm25 }) => bm25 ?? 0), 0.001)}
                collections={collections}
              />
            ))}
          </Stack>
        </>
      )}
    </Stack>
  );
}

function Summary({ question, results }: { question: string; results: SearchResults }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const { confidence, threshold, embedder } = results;
  return (
    <Group justify="space-between" gap="sm">
      <Group gap="sm">
        <Tooltip label={t("search.confidenceAbout")} multiline maw={280}>
          <Group gap={8}>
            <Text size="sm" fw={600}>
              {t("search.confidence")} {format.share(confidence)}
            </Text>
            <Progress
              value={confidence * 100}
              w={90}
              color={confidence < threshold ? "orange" : "teal"}
              aria-label={t("search.confidence")}
            />
            <Text size="sm" c="dimmed">
              {threshold > 0
                ? t("search.answersFrom", { share: format.share(threshold) })
                : t("search.modelDecides")}
            </Text>
          </Group>
        </Tooltip>
        <Text size="sm" c="dimmed">
          {embedder ? t("search.by", { embedder }) : t("search.wordsOnly")}
        </Text>
      </Group>
      <Anchor size="sm" renderRoot={(props) => <Link to="/sandbox" search={{ ask: question }} {...props} />}>
        <Group gap={4} component="span">
          <IconFlask size={16} aria-hidden />
          {t("search.ask")}
        </Group>
      </Anchor>
    </Group>
  );
}
