// That the bot is paused on a number, and the button that lets it answer again.
import { Button } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";
import { When } from "@/parts/When";
import { Finding, LevelAlert } from "./Level";

type Number = Schemas["Number"];

/** Renders nothing for a number on which the bot answers. `brief`: the number's page says the rest. */
export function PauseNotice({ number, brief }: { number: Number; brief?: boolean }) {
  const { t } = useTranslation("numbers");
  if (!number.bot_paused_at) return null;
  return (
    <LevelAlert level="warning" title={t("pause.title")}>
      <Finding
        title={t("pause.effect")}
        todo={
          !brief && (
            <>
              {t("pause.since")} <When at={number.bot_paused_at} />
            </>
          )
        }
      >
        {!brief && <Resume number={number} />}
      </Finding>
    </LevelAlert>
  );
}

function Resume({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const resuming = $api.useMutation("post", "/api/v1/numbers/{id}/resume");
  const resume = () =>
    resuming.mutate(
      { params: { path: { id: number.id } } },
      {
        onSuccess: () => {
          reread("/api/v1/numbers", "/api/v1/numbers/{id}");
          say.done(t("pause.resumed"));
        },
        onError: say.failed,
      },
    );
  return (
    <Button
      size="xs"
      variant="default"
      mt={6}
      leftSection={<IconPlayerPlay size={16} aria-hidden />}
      loading={resuming.isPending}
      onClick={resume}
    >
      {t("pause.resume")}
    </Button>
  );
}

/** Renders nothing for a number on which the bot is paused already. */
export function PauseButton({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const confirm = useConfirm();
  const pausing = $api.useMutation("post", "/api/v1/numbers/{id}/pause");
  if (number.bot_paused_at) return null;
  const pause = async () => {
    const sure = await confirm({ title: t("pause.question"), text: t("pause.about"), yes: t("pause.pause") });
    if (!sure) return;
    pausing.mutate(
      { params: { path: { id: number.id } } },
      { onSuccess: () => reread("/api/v1/numbers", "/api/v1/numbers/{id}"), onError: say.failed },
    );
  };
  return (
    <Button
      variant="default"
      leftSection={<IconPlayerPause size={18} aria-hidden />}
      loading={pausing.isPending}
      onClick={() => void pause()}
    >
      {t("pause.pause")}
    </Button>
  );
}
