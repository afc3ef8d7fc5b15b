// Compares a run with its baseline.
import { Alert, Box, Group, List, ScrollArea, Stack, Text, Title } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconEqual } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { isAgainstAccepted } from "./row";

export function RunComparison({ run }: { run: Schemas["Run"] }) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const { comparison } = run;
  if (!comparison) return null;
  const { better, worse, same, added, removed, changed, paired } = comparison;
  const [low = 0, high = 0] = comparison.interval;
  const [color, icon] =
    worse > 0
      ? (["orange", <IconArrowDown key="icon" aria-hidden />] as const)
      : better > 0
        ? (["teal", <IconArrowUp key="icon" aria-hidden />] as const)
        : (["gray", <IconEqual key="icon" aria-hidden />] as const);
  const counted = [
    t("against.worse", { count: worse }),
    t("against.better", { count: better }),
    t("against.same", { count: same }),
    ...(added.length > 0 ? [t("against.added", { count: added.length })] : []),
    ...(removed.length > 0 ? [t("against.removed", { count: removed.length })] : []),
  ];
  return (
    <Box component="section" aria-labelledby="against">
      <Title order={2} id="against" mb="sm">
        {t(isAgainstAccepted(run) ? "against.accepted" : "against.title")}
      </Title>
      <Alert color={color} icon={icon} title={format.list(counted)}>
        <Stack gap="xs">
          {paired > 0 && (
            <Text size="sm">
              {t("against.mean", {
                before: format.number(comparison.mean_before, 3),
                after: format.number(comparison.mean_after, 3),
                low: format.number(low, 3),
                high: format.number(high, 3),
                chance: format.share(comparison.p_worse),
              })}
            </Text>
          )}
          {changed.length > 0 && (
            <ScrollArea.Autosize
              mah={280}
              viewportProps={{ tabIndex: 0, role: "group", "aria-label": t("against.title") }}
            >
              <List size="sm" spacing={4} listStyleType="none">
                {changed.map(({ title, worse, before, after, why }) => (
                  <List.Item key={title}>
                    <Group gap={6} wrap="nowrap" align="flex-start">
                      {worse ? (
                        <IconArrowDown size={16} aria-label={t("against.isWorse")} style={{ flex: "none" }} />
                      ) : (
                        <IconArrowUp size={16} aria-label={t("against.isBetter")} style={{ flex: "none" }} />
                      )}
                      <Text size="sm">
                        <bdi>{title}</bdi>{" "}
                        <bdi>
                          ({format.number(before)} → {format.number(after)})
                        </bdi>
                        {why && <span dir="auto">: {why}</span>}
                      </Text>
                    </Group>
                  </List.Item>
                ))}
              </List>
            </ScrollArea.Autosize>
          )}
        </Stack>
      </Alert>
    </Box>
  );
}
