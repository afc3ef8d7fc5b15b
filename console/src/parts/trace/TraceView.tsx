// Explains a reply: one line below it, which expands to why the customer got it.
import { Box, Group, Text, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconChevronDown } from "@tabler/icons-react";
import { Fragment, Suspense, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { type ExplainedTurn, Explanation } from "./Explanation";
import { figures, type Trace } from "./trace";

/** A turn's model, time, tokens, cost and passages as text. */
function useFigures() {
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

/** Renders nothing without a trace. */
export function TraceView(turn: ExplainedTurn) {
  const { trace } = turn;
  // While its texts load, the page around it stays.
  return trace ? (
    <Suspense fallback={<Box h={24} />}>
      <Line turn={turn} trace={trace} />
    </Suspense>
  ) : null;
}

function Line({ turn, trace }: { turn: ExplainedTurn; trace: Trace }) {
  const { t } = useTranslation("trace");
  const say = useFigures();
  const [opened, setOpened] = useState(false);
  const id = useId();
  const { wrong } = figures(trace);
  const parts = say(trace);
  return (
    <Box maw="100%">
      <UnstyledButton
        onClick={() => setOpened(!opened)}
        aria-expanded={opened}
        aria-controls={opened ? id : undefined}
        aria-label={`${t("title")}: ${parts.join(" · ")}`}
        py={2}
      >
        <Group gap={6} wrap="nowrap" c="dimmed">
          {wrong.length > 0 && (
            <Box component="span" c="orange" lh={0}>
              <IconAlertTriangle size={14} aria-label={t("line.wrong")} />
            </Box>
          )}
          <Text size="xs" component="span" inherit={false}>
            <Text span inherit fw={600} td="underline">
              {t("title")}
            </Text>
            {parts.map((part) => (
              <Fragment key={part}>
                {" · "}
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
          <Explanation {...turn} />
        </Box>
      )}
    </Box>
  );
}
