// The other sections of a trace: transcription, hand-off rules, search, the prompt and the model's output.
import { Group, List, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { useCaseReason } from "../caseReason";
import { Fold } from "./Fold";
import { Part, VerbatimText } from "./Part";
import { Statements } from "./Statements";
import type { Trace } from "./trace";

type Props = { trace: Trace };

/** What was read of a very long text, of files, and of each voice note, or why nothing was. */
export function TranscriptSection({ trace }: Props) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  const notes = trace.transcribe?.notes ?? [];
  const files = trace.transcribe?.files ?? [];
  const whole = trace.transcribe?.whole_bytes;
  if (notes.length === 0 && files.length === 0 && !whole) return null;
  return (
    <Part name={t("heard.title")}>
      <Stack gap="xs">
        {!!whole && <Text size="sm">{t("heard.cut", { size: format.size(whole) })}</Text>}
        {files.map((file, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a trace does not change.
          <Text key={index} size="sm">
            <bdi>{file.name}</bdi>
            {": "}
            {file.error ? (
              <bdi>{file.error}</bdi>
            ) : typeof file.characters === "number" ? (
              t("heard.characters", { count: file.characters })
            ) : (
              t("heard.picture", { width: file.width ?? 0, height: file.height ?? 0 })
            )}
          </Text>
        ))}
        {notes.map((note, index) => {
          const { heard } = note;
          const about = [
            heard?.language,
            typeof heard?.confidence === "number" &&
              t("heard.sure", { share: format.share(heard.confidence) }),
            typeof heard?.seconds === "number" && format.took(heard.seconds * 1_000),
            heard?.by,
          ].filter(Boolean);
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a trace does not change.
            <div key={index}>
              {note.transcript ? (
                <VerbatimText>{note.transcript}</VerbatimText>
              ) : (
                <Text size="sm" dir="auto">
                  {note.error ?? t("heard.nothing")}
                </Text>
              )}
              {about.length > 0 && (
                <Text size="xs" c="dimmed" mt={2}>
                  {about.join(" · ")}
                </Text>
              )}
            </div>
          );
        })}
      </Stack>
    </Part>
  );
}

/** Hand-off rules, and whether a curated answer was close. */
export function Rules({ trace }: Props) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  const reasonOf = useCaseReason();
  const { escalate, curated } = trace;
  if (!escalate && !curated) return null;
  return (
    <Part name={t("rules.title")}>
      <Stack gap={2}>
        {escalate && (
          <Text size="sm">
            {escalate.matched ? (
              <>
                {t("rules.fired")}{" "}
                <bdi>{reasonOf({ reason: escalate.matched, reason_code: escalate.matched_code })}</bdi>
              </>
            ) : (
              t("rules.none", { count: escalate.rules })
            )}
          </Text>
        )}
        {curated && curated.answers > 0 && (
          <Text size="sm">
            {curated.nearest && !curated.refused ? (
              <>
                {t("rules.curated")} <bdi>{curated.nearest.phrasing}</bdi>
              </>
            ) : (
              t("rules.notCurated", { count: curated.answers })
            )}
            {curated.nearest && (
              <Text span size="xs" c="dimmed" ms={6}>
                {t("rules.near", {
                  score: format.number(curated.nearest.score, 2),
                  threshold: format.number(curated.nearest.threshold, 2),
                })}
              </Text>
            )}
          </Text>
        )}
      </Stack>
    </Part>
  );
}

/** The search query and how it was searched. */
export function Search({ trace }: Props) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  const { retrieve } = trace;
  if (!retrieve) return null;
  const searched = retrieve.searched?.length
    ? retrieve.searched
    : [{ text: retrieve.query, how: "asked" as const, confidence: retrieve.confidence, weight: 1 }];
  const by = [
    t("search.sure", { share: format.share(retrieve.confidence) }),
    // Traces of earlier versions have no threshold.
    typeof retrieve.threshold === "number" &&
      (retrieve.threshold > 0
        ? t("search.answersFrom", { share: format.share(retrieve.threshold) })
        : t("search.modelDecides")),
    retrieve.embedder ?? t("search.words"),
    retrieve.rerank && t("search.reranked", { by: retrieve.rerank.by }),
    retrieve.language,
  ].filter(Boolean);
  return (
    <Part name={t("search.title")} aside={by.join(" · ")}>
      <List size="sm" listStyleType="none" spacing={2}>
        {searched.map(({ text, how }) => (
          <List.Item key={`${how} ${text}`}>
            <bdi>{text}</bdi>{" "}
            {how !== "asked" && (
              <Text span size="xs" c="dimmed">
                {t(`how.${how}`)}
              </Text>
            )}
          </List.Item>
        ))}
      </List>
    </Part>
  );
}

/** The prompt, message by message. */
export function PromptSection({ trace }: Props) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  const { prompt } = trace;
  if (!prompt) return null;
  const about = [
    prompt.tokens > 0 &&
      t("prompt.tokens", { tokens: format.count(prompt.tokens), budget: format.count(prompt.budget) }),
    prompt.dropped_history > 0 && t("prompt.dropped", { count: prompt.dropped_history }),
  ].filter(Boolean);
  return (
    <Part name={t("prompt.title")} aside={about.join(" · ")}>
      {prompt.messages.map(({ role, content }, index) => (
        <Fold
          // biome-ignore lint/suspicious/noArrayIndexKey: a trace does not change.
          key={index}
          label={t(`prompt.role.${role}`)}
          aside={<bdi>{content.replace(/\s+/g, " ").slice(0, 80)}</bdi>}
        >
          {() => <VerbatimText>{content}</VerbatimText>}
        </Fold>
      ))}
    </Part>
  );
}

/** The model's output and what became of it. */
export function ReplySection({ trace }: Props) {
  const { t } = useTranslation("trace");
  const { reply } = trace;
  if (!reply) return null;
  return (
    <Part name={t("reply.title")} aside={<bdi>{reply.model}</bdi>}>
      <Stack gap={4}>
        {reply.raw && <Fold label={t("reply.raw")}>{() => <VerbatimText>{reply.raw}</VerbatimText>}</Fold>}
        {reply.budget && (
          <Text size="sm" dir="auto">
            {reply.budget}
          </Text>
        )}
        {reply.stand_in && (
          <Text size="sm" dir="auto">
            {reply.stand_in}
          </Text>
        )}
        {reply.repairs.length > 0 && (
          <Group gap={6} align="baseline">
            <Text size="sm">{t("reply.repairs")}</Text>
            <List size="sm">
              {reply.repairs.map((repair) => (
                <List.Item key={repair} dir="auto">
                  {repair}
                </List.Item>
              ))}
            </List>
          </Group>
        )}
        {reply.checked && <Statements checked={reply.checked} />}
      </Stack>
    </Part>
  );
}

/** Files and places that go out beside the text, and what is left out. */
export function OffersSection({ trace }: Props) {
  const { t } = useTranslation("trace");
  const { offers } = trace;
  if (!offers) return null;
  const lines = [
    ...offers.files.map((name) => [t("offers.file"), name]),
    ...offers.locations.map((name) => [t("offers.location"), name]),
    ...offers.left_out.map((what) => [t("offers.leftOut"), what]),
  ];
  if (lines.length === 0) return null;
  return (
    <Part name={t("offers.title")}>
      {lines.map(([label, what]) => (
        <Text key={`${label} ${what}`} size="sm">
          {label} <bdi>{what}</bdi>
        </Text>
      ))}
    </Part>
  );
}
