// Adds recipients to a campaign that does not run.
import { Button, Group, Modal, Stack } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { FormEnd } from "@/parts/FormEnd";
import { AddedReport } from "./AddedReport";
import type { Campaign } from "./campaign";
import { rereadCampaigns } from "./changes";
import { bodyOf } from "./list";
import { emptySource, RecipientSource, sourceOf } from "./RecipientSource";

type Props = { campaign: Campaign; opened: boolean; onClose: () => void };

export function AddDialog({ campaign, opened, onClose }: Props) {
  const { t } = useTranslation(["campaigns", "common"]);
  const [source, setSource] = useState(emptySource);
  const [isAsked, setAsked] = useState(false);
  const adding = $api.useMutation("post", "/api/v1/campaigns/{id}/recipients", {
    onSuccess: () => {
      rereadCampaigns();
      setSource(emptySource);
      setAsked(false);
    },
  });
  const close = () => {
    onClose();
    if (adding.data) adding.reset();
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    const recipients = sourceOf(source);
    if (!recipients || adding.isPending) return;
    adding.mutate({ params: { path: { id: campaign.id } }, body: bodyOf(recipients) });
  };
  return (
    <Modal opened={opened} onClose={close} title={t("add.title")} size="lg">
      {adding.data ? (
        <Stack>
          <AddedReport report={adding.data} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={() => adding.reset()}>
              {t("add.more")}
            </Button>
            <Button onClick={close} data-autofocus>
              {t("common:action.close")}
            </Button>
          </Group>
        </Stack>
      ) : (
        <form onSubmit={add} noValidate>
          <Stack>
            <RecipientSource draft={source} change={setSource} isAsked={isAsked} />
            <FormEnd yes={t("add.yes")} close={close} busy={adding.isPending} error={adding.error} />
          </Stack>
        </form>
      )}
    </Modal>
  );
}
