// Where one is in connecting a number: the steps by name, with those that are done.
import { Progress, Stack, Stepper, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import type { Provider } from "./provider";
import { type SetupStep, stepName, stepsOf } from "./setup";

type Props = {
  provider: Provider;
  active: SetupStep;
  /** Whether a step can be opened. */
  reached: (step: SetupStep) => boolean;
  /** Whether a step is done. A step that was skipped is not. */
  finished: (step: SetupStep) => boolean;
  show: (step: SetupStep) => void;
};

export function SetupSteps({ provider, active, reached, finished, show }: Props) {
  const { t } = useTranslation("numbers");
  // All steps below each other would fill a phone.
  const narrow = useMediaQuery("(max-width: 48em)");
  const steps = stepsOf(provider);
  const at = steps.indexOf(active);
  const next = steps[at + 1];
  if (narrow)
    return (
      <Stack gap={6} data-testid="progress">
        <Text size="sm" fw={600}>
          {t("step.at", { at: at + 1, all: steps.length, step: t(`step.${stepName(active, provider)}`) })}
        </Text>
        <Progress value={((at + 1) / steps.length) * 100} size="sm" aria-hidden />
        {next && (
          <Text size="xs" c="dimmed">
            {t("step.then", { step: t(`step.${stepName(next, provider)}`) })}
          </Text>
        )}
      </Stack>
    );
  return (
    <Stepper
      active={at}
      onStepClick={(place) => steps[place] && show(steps[place])}
      size="sm"
      aria-label={t("step.label")}
    >
      {steps.map((step, place) => (
        <Stepper.Step
          key={step}
          label={t(`step.${stepName(step, provider)}`)}
          allowStepSelect={reached(step)}
          disabled={!reached(step)}
          aria-current={place === at ? "step" : undefined}
          // Mantine ticks every step before the shown one.
          {...(!finished(step) && { completedIcon: place + 1, color: "gray" })}
          data-finished={finished(step) || undefined}
        />
      ))}
    </Stepper>
  );
}

/** "Step 2 of 5" above a step's title. */
export function StepPlace({ provider, active }: Pick<Props, "provider" | "active">) {
  const { t } = useTranslation("numbers");
  const steps = stepsOf(provider);
  return (
    <Text size="xs" c="dimmed" fw={600} visibleFrom="sm">
      {t("step.place", { at: steps.indexOf(active) + 1, all: steps.length })}
    </Text>
  );
}
