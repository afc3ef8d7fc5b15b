// The four steps of connecting a number.
import { Stepper } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useTranslation } from "react-i18next";

const steps = ["need", "fields", "callback", "test"] as const;

type Props = {
  /** The shown step, from 0. */
  active: number;
  /** The last step that can be opened. */
  reached: number;
  /** Whether a step is done. A step that was skipped is not. */
  finished: (step: number) => boolean;
  show: (step: number) => void;
};

export function SetupSteps({ active, reached, finished, show }: Props) {
  const { t } = useTranslation("numbers");
  const narrow = useMediaQuery("(max-width: 40em)");
  return (
    <Stepper
      active={active}
      onStepClick={show}
      size="sm"
      orientation={narrow ? "vertical" : "horizontal"}
      aria-label={t("step.label")}
    >
      {steps.map((step, at) => (
        <Stepper.Step
          key={step}
          label={t(`step.${step}`)}
          allowStepSelect={at <= reached}
          disabled={at > reached}
          aria-current={at === active ? "step" : undefined}
          // Mantine ticks every step before the shown one.
          {...(!finished(at) && { completedIcon: at + 1, color: "gray" })}
          data-finished={finished(at) || undefined}
        />
      ))}
    </Stepper>
  );
}
