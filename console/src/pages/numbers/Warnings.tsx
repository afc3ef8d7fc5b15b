// What puts a number at risk, and what to do about it.
import { Alert, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useAlertWords } from "@/parts/alertWords";

type Props = { warnings: Schemas["NumberWarning"][] };

/** Renders nothing without a warning, and loads no texts for it. While they load, the page around it stays. */
export function Warnings({ warnings }: Props) {
  return <Suspense>{warnings.length > 0 && <List warnings={warnings} />}</Suspense>;
}

function List({ warnings }: Props) {
  const { t } = useTranslation("numbers");
  const format = useFormat();
  const words = useAlertWords();
  return (
    <Alert
      color="orange"
      icon={<IconAlertTriangle aria-hidden />}
      title={t("page.atRisk")}
      data-testid="warnings"
    >
      <Stack gap="xs">
        {warnings.map((warning) => {
          const { title, todo } = words(warning);
          return (
            <div key={`${warning.code} ${warning.detail}`}>
              <Text size="sm" fw={500} dir="auto">
                {title}
                {warning.detail && (
                  <>
                    : <bdi>{warning.detail}</bdi>
                  </>
                )}
              </Text>
              <Text size="sm" dir="auto">
                {todo} {warning.until && t("page.until", { when: format.full(warning.until) })}
              </Text>
            </div>
          );
        })}
      </Stack>
    </Alert>
  );
}
