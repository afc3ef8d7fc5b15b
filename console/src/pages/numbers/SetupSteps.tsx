// The four steps of connecting a number, and which of them is shown.
import { Stepper } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useTranslation } from "react-i18next";

const steps = ["need", "fields", "callback", "test"] as const;

type Props = {
  /** Which is shown, from 0. */
  active: number;
  /** The last that can be gone to. */
  reached: number;
  /** The first that is not done; without it all before the shown one are. */
  open?: number;
  show: (step: number) => void;
};

export function SetupSteps({ active, reached, show }: Props) {
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
        />
      ))}
    </Stepper>
  );
}
