// The time of each stage as a bar, with the turn's tokens and cost.
import { Box, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { Part } from "./Part";
import { type Stage, type Trace, timings } from "./trace";

const colours: Record<Stage, string> = {
  transcribe: "var(--chart-6)",
  escalate: "var(--chart-9)",
  curated: "var(--chart-8)",
  embed: "var(--chart-7)",
  rewrite: "var(--chart-2)",
  retrieve: "var(--chart-3)",
  rerank: "var(--chart-4)",
  prompt: "var(--chart-10)",
  reply: "var(--chart-1)",
  checked: "var(--chart-5)",
  rest: "var(--chart-quiet)",
};

export function Timings({ trace }: { trace: Trace }) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  const took = timings(trace);
  const { input_tokens, output_tokens, cost_micros } = trace.usage;
  const used = [
    format.took(trace.total_ms),
    ...(input_tokens + output_tokens > 0
      ? [t("usage.tokens", { read: format.count(input_tokens), written: format.count(output_tokens) })]
      : []),
    ...(cost_micros > 0 ? [format.money(cost_micros)] : []),
  ];
  return (
    <Part name={t("time.title")} aside={used.join(" · ")}>
      <Stack gap={6}>
        <Group
          gap={1}
          wrap="nowrap"
          h={8}
          aria-hidden
          style={{ borderRadius: 4, overflow: "hidden", background: "var(--mantine-color-default-hover)" }}
        >
          {took.map(({ stage, ms }) => (
            <Box key={stage} h={8} bg={colours[stage]} style={{ flex: `${ms} 0 0`, minWidth: 2 }} />
          ))}
        </Group>
        <Group gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none", rowGap: 2 }}>
          {took.map(({ stage, ms }) => (
            <Group key={stage} gap={6} component="li" wrap="nowrap">
              <Box w={8} h={8} bg={colours[stage]} style={{ borderRadius: 2, flex: "none" }} aria-hidden />
              <Text size="xs" component="span">
                {t(`stage.${stage}`)} <span style={{ opacity: 0.75 }}>{format.took(ms)}</span>
              </Text>
            </Group>
          ))}
        </Group>
      </Stack>
    </Part>
  );
}
