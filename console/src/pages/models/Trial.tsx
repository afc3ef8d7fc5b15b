// What a trial of a model brought: its answer, time and price; or why there is none and what to do.
import { Alert, Code, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";
import type { ModelRole } from "@/parts/modelRole";

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

type Props = { trial: Schemas["ModelTrial"]; role: ModelRole };

export function Trial({ trial, role }: Props) {
  const { t } = useTranslation("models");
  const format = useFormat();
  if (trial.failure) return <EndpointError failure={trial.failure} />;
  // Only what is paid by the token has a price in the configuration.
  const hasPrice = role === "chat" || role === "embeddings";
  const unpriced = t(hasPrice ? "trial.unpriced" : "trial.noPrice");
  const cost = typeof trial.cost_micros === "number" ? format.money(trial.cost_micros) : unpriced;
  const isWrong = trial.ranks_right === false;
  return (
    <Alert
      color={isWrong ? "orange" : undefined}
      icon={isWrong ? <IconAlertTriangle aria-hidden /> : <IconCheck aria-hidden />}
      title={t("trial.title")}
      data-testid="trial"
    >
      <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
        <Result trial={trial} role={role} />
      </Text>
      <Text size="sm" c="dimmed" mt={4}>
        {format.took(trial.took_ms)} · {cost}
      </Text>
    </Alert>
  );
}

/** What the model did with its task. */
function Result({ trial: { answer, dimensions, ranks_right }, role }: Props) {
  const { t } = useTranslation("models");
  if (typeof dimensions === "number") return t("trial.embeddings", { dimensions });
  if (typeof ranks_right === "boolean") return t(ranks_right ? "trial.ranksRight" : "trial.ranksWrong");
  if (role !== "speech") return answer;
  if (!answer?.trim()) return t("trial.silence");
  return (
    <>
      {t("trial.heard")} <bdi>{answer}</bdi>
    </>
  );
}
