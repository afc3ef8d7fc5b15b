// The passages found, each with its score in every search leg.
import { Badge, Box, Group, Progress, Stack, Text, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { Fold } from "./Fold";
import { Part, VerbatimText } from "./Part";
import type { Trace } from "./trace";

const legs = ["dense", "bm25", "ngram", "rerank", "coverage"] as const;

/** The scores of all legs in one line. A leg that did not find the passage says so. */
export function Legs({ scores }: { scores: Schemas["Scores"] }) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  return (
    <Group gap="sm" style={{ rowGap: 0 }}>
      {legs.map((leg) => {
        const score = scores[leg];
        const none = score === null || score === undefined;
        return (
          <Tooltip key={leg} label={t(`leg.${leg}.about`)} multiline maw={280}>
            <Text size="xs" c="dimmed" component="span">
              {t(`leg.${leg}.name`)}{" "}
              <Text span inherit c="var(--mantine-color-text)">
                {none ? "–" : leg === "coverage" ? format.share(score) : format.number(score, 3)}
              </Text>
            </Text>
          </Tooltip>
        );
      })}
    </Group>
  );
}

function One({ passage, mark, cited }: { passage: Schemas["Passage"]; mark: number; cited: boolean }) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  const { chunk, scores } = passage;
  const above = [chunk.title, chunk.heading].filter(Boolean).join(" › ");
  return (
    <Box component="li">
      <Fold
        label={
          <>
            <span dir="ltr">[{mark}]</span> <bdi>{above || chunk.source}</bdi>
            {cited && (
              <Badge size="sm" tt="none" variant="light" ms={6} style={{ verticalAlign: "middle" }}>
                {t("passages.cited")}
              </Badge>
            )}
          </>
        }
        aside={chunk.place}
      >
        {() => (
          <Stack gap={4}>
            <Text size="xs" c="dimmed" dir="ltr" ta="start">
              {chunk.source}
            </Text>
            <VerbatimText>{chunk.body}</VerbatimText>
          </Stack>
        )}
      </Fold>
      <Stack gap={2} ps={20}>
        <Group gap={8} wrap="nowrap">
          <Progress
            value={Math.max(0, Math.min(1, scores.fused)) * 100}
            size="sm"
            w={120}
            color={cited ? "var(--chart-1)" : "var(--chart-quiet)"}
            aria-hidden
          />
          <Tooltip label={t("leg.fused.about")} multiline maw={280}>
            <Text size="xs" component="span">
              {t("leg.fused.name")} {format.number(scores.fused, 3)}
            </Text>
          </Tooltip>
        </Group>
        <Legs scores={scores} />
      </Stack>
    </Box>
  );
}

export function Passages({ trace }: { trace: Trace }) {
  const { t } = useTranslation("trace");
  const { retrieve, reply, prompt } = trace;
  if (!retrieve) return null;
  const cited = new Set(reply?.citations?.map(({ mark }) => mark));
  const dropped = prompt?.dropped_passages ?? 0;
  return (
    <Part
      name={t("passages.title")}
      aside={dropped > 0 ? t("passages.dropped", { count: dropped }) : undefined}
    >
      {retrieve.passages.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("passages.none")}
        </Text>
      ) : (
        <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {retrieve.passages.map((passage, index) => (
            <One key={passage.chunk.id} passage={passage} mark={index + 1} cited={cited.has(index + 1)} />
          ))}
        </Stack>
      )}
    </Part>
  );
}
