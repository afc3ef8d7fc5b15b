// That the bot is paused on a number, and the button that pauses it or lets it answer again.
import { Button } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useConfirm } from "@/parts/Confirm";
import { Fact } from "@/parts/Fact";
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
      <Finding title={t("pause.effect")} />
      {!brief && (
        <dl style={{ margin: 0 }}>
          <Fact name={t("pause.since")}>
            <When at={number.bot_paused_at} />
          </Fact>
        </dl>
      )}
    </LevelAlert>
  );
}

/** One button for both, so that the keyboard's focus stays on it. */
export function PauseButton({ number }: { number: Number }) {
  const { t } = useTranslation("numbers");
  const say = useSay();
  const confirm = useConfirm();
  const pausing = $api.useMutation("post", "/api/v1/numbers/{id}/pause");
  const resuming = $api.useMutation("post", "/api/v1/numbers/{id}/resume");
  const isPaused = !!number.bot_paused_at;
  const change = async () => {
    const params = { params: { path: { id: number.id } } };
    const done = (words?: string) => ({
      onSuccess: () => {
        reread("/api/v1/numbers", "/api/v1/numbers/{id}");
        if (words) say.done(words);
      },
      onError: say.failed,
    });
    if (isPaused) return resuming.mutate(params, done(t("pause.resumed")));
    const sure = await confirm({ title: t("pause.question"), text: t("pause.about"), yes: t("pause.pause") });
    if (sure) pausing.mutate(params, done());
  };
  const Icon = isPaused ? IconPlayerPlay : IconPlayerPause;
  return (
    <Button
      variant="default"
      leftSection={<Icon size={18} aria-hidden />}
      loading={pausing.isPending || resuming.isPending}
      onClick={() => void change()}
    >
      {t(isPaused ? "pause.resume" : "pause.pause")}
    </Button>
  );
}
