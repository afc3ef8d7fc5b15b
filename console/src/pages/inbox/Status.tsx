// The chip that says who has a conversation: in its row, its header and its contact panel.
import { IconClockExclamation, IconHeadset, IconHelpCircle, IconLock, IconRobot } from "@tabler/icons-react";
import { known } from "@/api/words";
import classes from "./Status.module.css";
import type { Status as Word } from "./standing";

const icons: Record<Word, typeof IconLock> = {
  waiting: IconClockExclamation,
  bot: IconRobot,
  person: IconHeadset,
  staff: IconHeadset,
  nobody: IconLock,
};

type Props = {
  status: Word;
  label: string;
  /** How long the customer waits, in words. */
  waited?: string;
  testId?: string;
};

export function Status({ status, label, waited, testId }: Props) {
  const Icon = known(icons, status, IconHelpCircle);
  return (
    <span className={classes.chip} data-status={status}>
      <Icon size={14} aria-hidden />
      <span className={classes.label} data-testid={testId}>
        {label}
      </span>
      {waited && <span className={classes.waited}>· {waited}</span>}
    </span>
  );
}
