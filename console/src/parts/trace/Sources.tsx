// What an answer rests on: each document that it cites, with the sentences that say it, or the curated answer.
import { Anchor, Group, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api, Failure, type Schemas } from "@/api/client";
import { AnswerLink } from "../AnswerLink";
import type { CollectionAnswer } from "../curated";
import { excerpt, statementsOn } from "./excerpt";
import { Fold } from "./Fold";
import { Part, VerbatimText } from "./Part";
import type { Trace } from "./trace";
import classes from "./trace.module.css";

type Citation = Schemas["Citation"];
type Chunk = Schemas["Chunk"];

/** The passage with a citation's mark. */
function passageOf({ mark, source }: Citation, trace: Trace | null | undefined): Chunk | undefined {
  const chunk = trace?.retrieve?.passages[mark - 1]?.chunk;
  return chunk?.source === source ? chunk : undefined;
}

/** The link to the document, unless it has been deleted since. */
function DocumentLink({ chunk }: { chunk: Chunk }) {
  const { t } = useTranslation("trace");
  const { document: id, collection } = chunk;
  const { error } = $api.useQuery(
    "get",
    "/api/v1/documents/{id}",
    { params: { path: { id } } },
    { staleTime: 60_000 },
  );
  if (error instanceof Failure && error.status === 404)
    return (
      <Text size="sm" c="dimmed">
        {t("sources.documentGone")}
      </Text>
    );
  return (
    <Anchor
      size="sm"
      renderRoot={(props) => (
        <Link to="/knowledge/$collection" params={{ collection }} search={{ document: id }} {...props} />
      )}
    >
      {t("sources.openDocument")}
    </Anchor>
  );
}

type SourceProps = { citation: Citation; trace: Trace | null | undefined; answer: string };

function Source({ citation, trace, answer }: SourceProps) {
  const { t } = useTranslation("trace");
  const { mark, title, heading, place, source } = citation;
  const chunk = passageOf(citation, trace);
  const sentences = useMemo(
    () => (chunk && trace ? excerpt(chunk.body, statementsOn(mark, trace, answer)) : []),
    [chunk, trace, mark, answer],
  );
  // The document's title is often its first heading, too.
  const under = heading.split(" > ").filter((one) => one && one !== title);
  return (
    <li className={classes.source} data-testid="source">
      <Text size="sm" fw={600} component="div">
        {[title || source, ...under].map((name, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a path of headings does not change.
          <span key={at}>
            {at > 0 && <span aria-hidden> › </span>}
            <bdi>{name}</bdi>
          </span>
        ))}
        {place && (
          <Text span size="xs" c="dimmed" fw={400}>
            {" · "}
            <bdi>{place}</bdi>
          </Text>
        )}
      </Text>
      {sentences.length > 0 && (
        <blockquote className={classes.quote} dir="auto">
          {sentences.map((sentence, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an excerpt does not change.
            <p key={at}>{sentence}</p>
          ))}
        </blockquote>
      )}
      {chunk && (
        <Stack gap={0}>
          <Fold label={t("sources.passage")}>{() => <VerbatimText>{chunk.body}</VerbatimText>}</Fold>
          <DocumentLink chunk={chunk} />
        </Stack>
      )}
    </li>
  );
}

type Props = Omit<SourceProps, "citation"> & { citations: readonly Citation[] };

/** Renders nothing for an answer without citations. */
export function Sources({ citations, trace, answer }: Props) {
  const { t } = useTranslation("trace");
  if (citations.length === 0) return null;
  return (
    <Part name={t("sources.title")}>
      <ul className={classes.sources}>
        {citations.map((citation) => (
          <Source
            key={`${citation.mark} ${citation.source}`}
            citation={citation}
            trace={trace}
            answer={answer}
          />
        ))}
      </ul>
    </Part>
  );
}

type CuratedSourceProps = { nearest: Schemas["NearestAnswer"]; placed: CollectionAnswer | null | undefined };

/** The curated answer that was given, by its question. */
export function CuratedSource({ nearest, placed }: CuratedSourceProps) {
  const { t } = useTranslation("trace");
  return (
    <Part name={t("sources.question")}>
      <div className={classes.source} data-testid="source">
        <blockquote className={classes.quote} dir="auto">
          <p>{nearest.phrasing}</p>
        </blockquote>
        <Group gap="sm">
          <AnswerLink placed={placed} />
        </Group>
      </div>
    </Part>
  );
}
