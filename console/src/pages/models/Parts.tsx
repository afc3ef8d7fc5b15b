// What embeds, listens and reranks, where each comes from, and how to choose another.
import { Badge, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { isRole } from "@/parts/modelRole";
import { ModelChoice } from "./ModelChoice";

type Part = Schemas["ModelPart"];

export const tasks = {
  embeddings: "task.embeddings",
  speech: "task.speech",
  speech_detection: "task.speechDetection",
  reranking: "task.reranking",
  question_answering: "task.questionAnswering",
} as const satisfies Record<Schemas["ModelTask"], string>;

const origins = {
  console: "now.console",
  configuration: "part.configuration",
  found: "part.found",
  off: "part.off",
} as const satisfies Record<Schemas["PartOrigin"], string>;

export function Parts({ settings }: { settings: Schemas["ModelSettings"] }) {
  const { t } = useTranslation("models");
  return (
    <Stack gap="sm" component="section" aria-labelledby="model-parts">
      <div>
        <Title order={2} id="model-parts">
          {t("part.title")}
        </Title>
        <Text size="sm" c="dimmed">
          {t("part.about")}
        </Text>
      </div>
      <Paper withBorder component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {settings.parts.map((part, at) => (
          <Stack
            component="li"
            key={part.task}
            p="md"
            gap="sm"
            data-testid={`part-${part.task}`}
            style={at > 0 ? { borderTop: "1px solid var(--mantine-color-default-border)" } : undefined}
          >
            {part.role && isRole(part.role) ? (
              <ModelChoice scope={{ role: part.role }} settings={settings} problem={part.problem}>
                <CurrentPart part={part} />
              </ModelChoice>
            ) : (
              <CurrentPart part={part} />
            )}
            {part.pending && <Preparation pending={part.pending} isSearching={!!part.name} />}
          </Stack>
        ))}
      </Paper>
    </Stack>
  );
}

function CurrentPart({ part: { task, role: word, name, origin, chosen, pending } }: { part: Part }) {
  const { t } = useTranslation("models");
  const role = word && isRole(word) ? word : undefined;
  const isOff = origin === "off" || chosen?.provider === "off";
  // A server of one model is named by its address, which is said below.
  const isUnnamed = !!chosen?.base_url && name?.includes(chosen.base_url);
  return (
    <>
      <Group gap="xs">
        <Text fw={600} size="sm">
          {t(known(tasks, task, "task.embeddings"))}
        </Text>
        {/* Where the next one comes from says nothing about the present one. */}
        {!pending && (
          <Badge variant="light" tt="none" color={isOff ? "gray" : "teal"}>
            {t(known(origins, origin, "part.configuration"))}
          </Badge>
        )}
      </Group>
      {name && !isUnnamed && (
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          <bdi dir="ltr">{name}</bdi>
        </Text>
      )}
      {role && isOff && (
        <Text size="sm" c="dimmed">
          {origin !== "off" && `${t("part.off")}. `}
          {t(`without.${role}`)}
        </Text>
      )}
      {role && chosen?.base_url && !chosen.problem && !pending && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {t(`sentTo.${role}`, { url: chosen.base_url })}
          {chosen.has_key && ` ${t("now.keyKept")}`}
        </Text>
      )}
      {!role && (
        <Text size="sm" c="dimmed">
          {t("part.fixed")}
        </Text>
      )}
    </>
  );
}

type PreparationProps = { pending: NonNullable<Part["pending"]>; isSearching: boolean };

/** How far the documents are prepared for another model. */
function Preparation({ pending: { name, done, total, failure }, isSearching }: PreparationProps) {
  const { t } = useTranslation("models");
  return (
    <Stack gap={4} data-testid="preparation">
      <Progress
        value={(100 * done) / Math.max(total, 1)}
        aria-label={t("preparation.of", { name })}
        size="sm"
      />
      <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
        {t("preparation.progress", { name, done, total })}{" "}
        {isSearching ? t("preparation.old") : t("preparation.words")}
      </Text>
      {failure && (
        <Text
          size="sm"
          c="red"
          role="status"
          style={{ overflowWrap: "anywhere" }}
          data-testid="preparation-failed"
        >
          {t("preparation.failed")} <bdi dir="ltr">{failure}</bdi>
        </Text>
      )}
    </Stack>
  );
}
