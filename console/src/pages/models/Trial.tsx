// What a trial of a model brought: its answer, time and price; or why there is none and what to do.
import { Alert, Code, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";

const problems = {
  key_refused: "failure.keyRefused",
  not_found: "failure.notFound",
  no_credit: "failure.noCredit",
  unreachable: "failure.unreachable",
  too_slow: "failure.tooSlow",
  other: "failure.other",
} as const satisfies Record<Schemas["EndpointProblem"], string>;

export function EndpointError({ failure }: { failure: Schemas["EndpointFailure"] }) {
  const { t } = useTranslation("models");
  return (
    <Alert
      color="red"
      icon={<IconAlertTriangle aria-hidden />}
      title={t("failure.title")}
      data-testid="endpoint-failed"
    >
      <Text size="sm">{t(known(problems, failure.problem, "failure.other"))}</Text>
      <Code block mt="xs" dir="ltr" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {failure.detail}
      </Code>
    </Alert>
  );
}

export function Trial({ trial, model }: { trial: Schemas["ModelTrial"]; model: string }) {
  const { t } = useTranslation("models");
  const format = useFormat();
  if (trial.failure) return <EndpointError failure={trial.failure} />;
  const cost = typeof trial.cost_micros === "number" ? format.money(trial.cost_micros) : t("trial.unpriced");
  return (
    <Alert icon={<IconCheck aria-hidden />} title={t("trial.title", { model })} data-testid="trial">
      <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
        {trial.answer}
      </Text>
      <Text size="sm" c="dimmed" mt={4}>
        {format.took(trial.took_ms)} · {cost}
      </Text>
    </Alert>
  );
}
