// One of the three steps: its number or a tick, its state and its content.
import { Badge, Box, Group, Paper, Text, ThemeIcon, Title } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import type { StepState } from "./progress";

type Props = { number: number; state: StepState; title: string; about: string; children: ReactNode };

const colours = { done: "teal", next: "blue", open: "gray" } as const;

export function Step({ number, state, title, about, children }: Props) {
  const { t } = useTranslation("start");
  const format = useFormat();
  const id = useId();
  const shown = format.count(number);
  return (
    <Paper withBorder p={{ base: "md", sm: "lg" }} component="section" aria-labelledby={id}>
      <Group wrap="nowrap" align="flex-start" gap="md">
        <ThemeIcon
          radius="xl"
          size={32}
          variant={state === "open" ? "default" : state === "done" ? "light" : "filled"}
          aria-hidden
        >
          {state === "done" ? <IconCheck size={18} /> : <Text fw={600}>{shown}</Text>}
        </ThemeIcon>
        <Box flex={1} miw={0}>
          <Group justify="space-between" gap="xs" mih={32}>
            <Title order={2} id={id} aria-label={t("step", { number: shown, title })}>
              {title}
            </Title>
            <Badge variant="light" color={colours[state]} data-state={state}>
              {t(`state.${state}`)}
            </Badge>
          </Group>
          <Text size="sm" c="dimmed" mb="md">
            {about}
          </Text>
          {children}
        </Box>
      </Group>
    </Paper>
  );
}
