// A line in the thread that says what happened to the conversation, and who did it.
import {
  IconArrowBackUp,
  IconCircleCheck,
  IconHeadset,
  IconHelpCircle,
  IconUserCheck,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";
import { useActor } from "@/parts/actor";
import type { Activity, ActivityKind } from "./activity";
import classes from "./thread.module.css";

const icons: Record<ActivityKind, typeof IconHeadset> = {
  handedOver: IconHeadset,
  taken: IconUserCheck,
  handedBack: IconArrowBackUp,
  resolved: IconCircleCheck,
};

export function ActivityLine({ activity }: { activity: Activity }) {
  const { t } = useTranslation("inbox");
  const format = useFormat();
  const actorOf = useActor();
  const { at, what, by } = activity;
  const actor = by && actorOf(by);
  const Icon = known(icons, what, IconHelpCircle);
  return (
    <li className={classes.activity} data-activity={what}>
      <Icon size={15} aria-hidden />
      <span>
        <strong>{t(`activity.${what}`)}</strong>
        {actor && (
          <>
            {" · "}
            <bdi>{actor}</bdi>
          </>
        )}
        {" · "}
        <time dateTime={new Date(at).toISOString()} title={format.full(at)}>
          {format.clock(at)}
        </time>
      </span>
    </li>
  );
}
