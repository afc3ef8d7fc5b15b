// Explains a reply: one line below it, which expands to everything that the turn's stages recorded.
import { Alert, Box, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconChevronDown } from "@tabler/icons-react";
import { Fragment, Suspense, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { Passages } from "./Passages";
import { Heard, Rules, Search, ShownToModel, Written } from "./Sections";
import { Timings } from "./Timings";
import { figures, type Trace } from "./trace";

/** A turn's model, time, tokens, cost and passages as text. */
export function useFigures() {
  const { t } = useTranslation("trace");
  const format = useFormat();
  return (trace: Trace): string[] => {
    const { model, ms, input, output, cost, passages } = figures(trace);
    const parts = [model ?? t("line.noModel"), format.took(ms)];
    if (input + output > 0)
      parts.push(t("line.tokens", { count: input + output, shown: format.count(input + output) }));
    if (cost > 0) parts.push(format.money(cost));
    if (trace.retrieve) parts.push(t("line.passages", { count: passages }));
    return parts;
  };
}

type Props = {
  trace: Trace | null | undefined;
  /** Whether it starts expanded. */
  opened?: boolean;
};

/** Renders nothing without a trace. */
export function TraceView({ trace, opened = false }: Props) {
  // While its texts load, the page around it stays.
  return trace ? (
    <Suspense fallback={<Box h={24} />}>
      <Line trace={trace} opened={opened} />
    </Suspense>
  ) : null;
}

function Line({ trace, opened: first }: { trace: Trace; opened: boolean }) {
  const { t } = useTranslation("trace");
  const say = useFigures();
  const [opened, setOpened] = useState(first);
  const id = useId();
  const { wrong } = figures(trace);
  const parts = say(trace);
  const line = parts.join(" · ");
  return (
    <Box maw="100%">
      <UnstyledButton
        onClick={() => setOpened(!opened)}
        aria-expanded={opened}
        aria-controls={opened ? id : undefined}
        aria-label={`${t("title")}: ${line}`}
        py={2}
      >
        <Group gap={6} wrap="nowrap" c="dimmed">
          {wrong.length > 0 && (
            <Box component="span" c="orange" lh={0}>
              <IconAlertTriangle size={14} aria-label={t("line.wrong")} />
            </Box>
          )}
          <Text size="xs" component="span" inherit={false}>
            {parts.map((part, at) => (
              <Fragment key={part}>
                {at > 0 && " · "}
                <bdi>{part}</bdi>
              </Fragment>
            ))}
          </Text>
          <IconChevronDown
            size={14}
            aria-hidden
            style={{ flex: "none", transform: opened ? "rotate(180deg)" : undefined }}
          />
        </Group>
      </UnstyledButton>
      {opened && (
        <Box
          id={id}
          component="section"
          aria-label={t("title")}
          mt={4}
          p="sm"
          style={{
            border: "1px solid var(--mantine-color-default-border)",
            borderRadius: "var(--mantine-radius-md)",
            background: "var(--mantine-color-body)",
          }}
        >
          <TraceDetail trace={trace} />
        </Box>
      )}
    </Box>
  );
}

/** A whole trace, without the line above it. */
export function TraceDetail({ trace }: { trace: Trace }) {
  const { t } = useTranslation("trace");
  const { wrong } = figures(trace);
  return (
    <Stack gap="md">
      {wrong.length > 0 && (
        <Alert color="orange" p="xs" icon={<IconAlertTriangle aria-hidden />} title={t("wrong.title")}>
          {wrong.map((why) => (
            <Text key={why} size="sm" dir="auto">
              {why}
            </Text>
          ))}
        </Alert>
      )}
      <Timings trace={trace} />
      <Heard trace={trace} />
      <Rules trace={trace} />
      <Search trace={trace} />
      <Passages trace={trace} />
      <ShownToModel trace={trace} />
      <Written trace={trace} />
    </Stack>
  );
}
