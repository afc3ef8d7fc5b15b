// Which statements of a reply the passages support.
import { Group, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconCheck, IconMinus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { FormattedText } from "../FormattedText";
import { toWhatsApp } from "../markdown";

function Mark({ verdict }: { verdict: Schemas["StatementVerdict"] }) {
  const { t } = useTranslation("trace");
  const [color, Icon, said] =
    verdict.score == null && verdict.supported
      ? (["gray", IconMinus, t("checked.needless")] as const)
      : verdict.supported
        ? (["teal", IconCheck, t("checked.supported")] as const)
        : (["red", IconX, t("checked.unsupported")] as const);
  return (
    <ThemeIcon size={18} radius="xl" variant="light" color={color} mt={2}>
      <Icon size={12} aria-label={said} />
    </ThemeIcon>
  );
}

export function Statements({ checked }: { checked: Schemas["GroundingTrace"] }) {
  const { t } = useTranslation("trace");
  const format = useFormat();
  const by = [
    t("checked.score", { share: format.share(checked.score) }),
    checked.judge ?? checked.embedder ?? t("search.words"),
    checked.action,
  ].filter(Boolean);
  return (
    <div>
      <Text size="sm">
        {t("checked.title")}{" "}
        <Text span size="xs" c="dimmed">
          {by.join(" · ")}
        </Text>
      </Text>
      <Stack gap={6} mt={4} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {checked.verdicts.map((verdict, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a trace does not change.
          <Group key={index} component="li" gap={8} wrap="nowrap" align="flex-start">
            <Mark verdict={verdict} />
            <div>
              <Text size="sm" dir="auto">
                <FormattedText text={toWhatsApp(verdict.text)} />
                {verdict.passage != null && (
                  <Text span c="dimmed" size="xs" ms={4}>
                    [{verdict.passage}]
                  </Text>
                )}
                {verdict.score != null && (
                  <Text span c="dimmed" size="xs" ms={6}>
                    {format.number(verdict.score, 2)}
                  </Text>
                )}
              </Text>
              {!verdict.supported && verdict.why && (
                <Text size="xs" c="dimmed" dir="auto">
                  {verdict.why}
                </Text>
              )}
            </div>
          </Group>
        ))}
      </Stack>
    </div>
  );
}
