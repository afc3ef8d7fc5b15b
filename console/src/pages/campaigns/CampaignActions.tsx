// What can be done with a campaign in its state.
import { Button } from "@mantine/core";
import { IconPlayerPlay, IconPlayerStop, IconSend, IconTrash, IconUserPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api } from "@/api/client";
import { reread } from "@/api/queries";
import { useConfirm } from "@/parts/Confirm";
import { lazyDialog } from "@/parts/lazyDialog";
import { useSay } from "@/parts/say";
import { useRemoval } from "@/parts/useRemoval";
import { actionsOf, type Campaign } from "./campaign";
import { rereadCampaigns } from "./changes";

const AddDialog = lazyDialog(async () => (await import("./AddDialog")).AddDialog);
const TestDialog = lazyDialog(async () => (await import("./TestDialog")).TestDialog);
const StartDialog = lazyDialog(async () => (await import("./StartDialog")).StartDialog);

export function CampaignActions({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const [dialog, setDialog] = useState<"add" | "test" | "start">();
  const all = actionsOf(campaign);
  const close = () => setDialog(undefined);
  return (
    <>
      {all.includes("remove") && <RemoveButton campaign={campaign} />}
      {all.includes("add") && (
        <Button
          variant={all.includes("start") ? "default" : "filled"}
          leftSection={<IconUserPlus size={16} aria-hidden />}
          onClick={() => setDialog("add")}
        >
          {t("add.title")}
        </Button>
      )}
      {all.includes("test") && (
        <Button
          variant="default"
          leftSection={<IconSend size={16} className="flip" aria-hidden />}
          onClick={() => setDialog("test")}
        >
          {t("test.title")}
        </Button>
      )}
      {all.includes("start") && (
        <Button
          leftSection={<IconPlayerPlay size={16} className="flip" aria-hidden />}
          onClick={() => setDialog("start")}
        >
          {t(campaign.state === "stopped" ? "start.goOn" : "start.open")}
        </Button>
      )}
      {all.includes("stop") && <StopButton campaign={campaign} />}
      <AddDialog campaign={campaign} opened={dialog === "add"} onClose={close} />
      <TestDialog campaign={campaign} opened={dialog === "test"} onClose={close} />
      <StartDialog campaign={campaign} opened={dialog === "start"} onClose={close} />
    </>
  );
}

function StopButton({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const confirm = useConfirm();
  const say = useSay();
  const stopping = $api.useMutation("post", "/api/v1/campaigns/{id}/stop", {
    onSuccess: () => say.done(t("stop.done")),
    onError: say.failed,
    onSettled: rereadCampaigns,
  });
  const stop = async () => {
    if (await confirm({ title: t("stop.question"), text: t("stop.about"), yes: t("stop.yes"), danger: true }))
      stopping.mutate({ params: { path: { id: campaign.id } } });
  };
  return (
    <Button
      color="red"
      variant="light"
      leftSection={<IconPlayerStop size={16} aria-hidden />}
      loading={stopping.isPending}
      onClick={() => void stop()}
    >
      {t("stop.title")}
    </Button>
  );
}

function RemoveButton({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation(["campaigns", "common"]);
  const removal = useRemoval();
  const navigate = useNavigate();
  const remove = async () => {
    const gone = await removal(
      {
        title: t("remove.question", { name: campaign.name }),
        text: t("remove.about"),
        yes: t("common:action.delete"),
      },
      () => api.DELETE("/api/v1/campaigns/{id}", { params: { path: { id: campaign.id } } }),
      t("remove.done"),
    );
    if (!gone) return;
    reread("/api/v1/campaigns");
    void navigate({ to: "/campaigns" });
  };
  return (
    <Button
      variant="subtle"
      color="red"
      leftSection={<IconTrash size={16} aria-hidden />}
      onClick={() => void remove()}
    >
      {t("common:action.delete")}
    </Button>
  );
}
