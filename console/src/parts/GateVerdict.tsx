// A gate's verdict on a version: whether it passed, the number of cases, and which of them changed.
import { Alert, List, Text } from "@mantine/core";
import { IconShieldCheck, IconShieldX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";

export type Verdict = Schemas["GateVerdict"];

export function GateVerdict({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation("sandbox");
  const format = useFormat();
  const [passed = 0, failed = 0, errors = 0] = verdict.counts;
  const { changed } = verdict.comparison;
  return (
    <Alert
      color={verdict.passed ? "teal" : "red"}
      icon={verdict.passed ? <IconShieldCheck aria-hidden /> : <IconShieldX aria-hidden />}
      title={verdict.passed ? t("gate.passed") : t("gate.refused")}
    >
      <Text size="sm">
        <bdi>{verdict.suite}</bdi> · <bdi dir="ltr">{verdict.rule}</bdi> ·{" "}
        {t("gate.counts", {
          passed: format.count(passed),
          failed: format.count(failed),
          errors: format.count(errors),
        })}
      </Text>
      {verdict.reason && (
        <Text size="sm" mt={4} dir="auto">
          {verdict.reason}
        </Text>
      )}
      {changed.length > 0 && (
        <List size="sm" mt="xs">
          {changed.slice(0, 10).map((one) => (
            <List.Item key={one.title}>
              <bdi>{one.title}</bdi>: {one.worse ? t("gate.worse") : t("gate.better")} (
              {format.number(one.before)} → {format.number(one.after)})
              {one.why && (
                <Text size="xs" c="dimmed" dir="auto">
                  {one.why}
                </Text>
              )}
            </List.Item>
          ))}
        </List>
      )}
      {changed.length > 10 && (
        <Text size="sm" c="dimmed">
          {t("gate.more", { count: changed.length - 10 })}
        </Text>
      )}
    </Alert>
  );
}
