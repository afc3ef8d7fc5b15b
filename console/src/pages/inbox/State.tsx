// The delivery state of an outgoing message, as ticks and as text, with the reason for a failure and what to do.
import { Button, VisuallyHidden } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconChecks, IconClock, IconHelpCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { known } from "@/api/words";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";
import { type Message, put } from "./thread";
import classes from "./thread.module.css";

/** States of outgoing messages; those of incoming ones are not shown. */
type SendState = Exclude<State, "waiting" | "answered" | "stored">;
type State = Schemas["MessageState"];

const icons: Record<SendState, typeof IconClock> = {
  queued: IconClock,
  sending: IconClock,
  sent: IconCheck,
  delivered: IconChecks,
  read: IconChecks,
  failed: IconAlertTriangle,
  unknown: IconHelpCircle,
};

const tones: Partial<Record<SendState, string>> = {
  failed: classes.wrong,
  unknown: classes.doubt,
  read: classes.read,
};

const isSent = (state: State): state is SendState => state in icons;

/** The ticks; `failed` and `unknown` are announced to screen readers. */
export function Ticks({ state }: { state: State }) {
  const { t } = useTranslation("inbox");
  if (!isSent(state)) return null;
  const Icon = known(icons, state, IconHelpCircle);
  const words = t(`state.${state}`);
  const loud = state === "failed" || state === "unknown";
  return (
    <span className={tones[state]} title={words} data-state={state}>
      <Icon size={15} aria-hidden />
      {loud ? words : <VisuallyHidden>{words}</VisuallyHidden>}
    </span>
  );
}

/** Sends a failed message again; asks first when the message may have arrived. */
export function RetryButton({ message, conversation }: { message: Message; conversation: string }) {
  const { t } = useTranslation("inbox");
  const { t: common } = useTranslation();
  const say = useSay();
  const confirm = useConfirm();
  const again = useMutation({
    mutationFn: () => api.POST("/api/v1/messages/{id}/retry", { params: { path: { id: message.id } } }),
    onSuccess: ({ data }) => data && put(conversation, data),
    onError: say.failed,
  });
  const press = async () => {
    const sure =
      message.state === "failed" ||
      (await confirm({ title: t("again.title"), text: t("again.text"), yes: t("again.yes") }));
    if (sure) again.mutate();
  };
  return (
    <Button size="compact-xs" variant="default" loading={again.isPending} onClick={() => void press()}>
      {message.state === "failed" ? common("action.retry") : t("again.yes")}
    </Button>
  );
}
