// What embeds, listens and reranks, and where each comes from.
import { Badge, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";

export const tasks = {
  embeddings: "task.embeddings",
  speech: "task.speech",
  speech_detection: "task.speechDetection",
  reranking: "task.reranking",
  question_answering: "task.questionAnswering",
} as const satisfies Record<Schemas["ModelTask"], string>;

const origins = {
  configuration: "part.configuration",
  found: "part.found",
  off: "part.off",
} as const satisfies Record<Schemas["PartOrigin"], string>;

export function Parts({ parts }: { parts: Schemas["ModelPart"][] }) {
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
      <Paper withBorder>
        {parts.map(({ task, name, origin }, at) => (
          <Group
            key={task}
            justify="space-between"
            p="md"
            gap="xs"
            data-testid={`part-${task}`}
            style={at > 0 ? { borderTop: "1px solid var(--mantine-color-default-border)" } : undefined}
          >
            <div style={{ minWidth: 0 }}>
              <Text fw={600} size="sm">
                {t(known(tasks, task, "task.embeddings"))}
              </Text>
              {name && (
                <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                  <bdi dir="ltr">{name}</bdi>
                </Text>
              )}
            </div>
            <Badge variant="light" tt="none" color={origin === "off" ? "gray" : "teal"}>
              {t(known(origins, origin, "part.configuration"))}
            </Badge>
          </Group>
        ))}
      </Paper>
    </Stack>
  );
}
