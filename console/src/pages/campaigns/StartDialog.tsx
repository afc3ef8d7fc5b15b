// Starts a campaign, now or at a time: it says to how many, and shows what they get.
import { Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { FormEnd } from "@/parts/FormEnd";
import { type Campaign, waiting } from "./campaign";
import { rereadCampaigns } from "./changes";
import { ExampleMessage } from "./ExampleMessage";

type Props = { campaign: Campaign; opened: boolean; onClose: () => void };

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();

export function StartDialog({ campaign, opened, onClose }: Props) {
  const { t } = useTranslation("campaigns");
  const [when, setWhen] = useState("now");
  const [time, setTime] = useState("");
  const [isAsked, setAsked] = useState(false);
  const starting = $api.useMutation("post", "/api/v1/campaigns/{id}/start", {
    onSuccess: onClose,
    onSettled: rereadCampaigns,
  });
  const count = waiting(campaign);
  // The field's value is in the browser's time zone.
  const at = when === "later" ? new Date(time).getTime() : undefined;
  const problem =
    at === undefined
      ? undefined
      : Number.isNaN(at)
        ? t("start.timeMissing")
        : at <= Date.now()
          ? t("start.timeOver")
          : undefined;
  const start = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    if (problem || starting.isPending) return;
    starting.mutate({ params: { path: { id: campaign.id } }, body: { at } });
  };
  const close = () => {
    onClose();
    starting.reset();
  };
  return (
    <Modal opened={opened} onClose={close} title={t("start.title")} size="lg">
      <form onSubmit={start} noValidate>
        <Stack>
          <Text fw={600}>{t("start.count", { count })}</Text>
          <ExampleMessage campaign={campaign} title={t("example.title")} />
          <Radio.Group label={t("start.when")} value={when} onChange={setWhen}>
            <Stack gap="xs" mt={6}>
              <Radio value="now" label={t("start.now")} />
              <Radio value="later" label={t("start.later")} />
            </Stack>
          </Radio.Group>
          {when === "later" && (
            <TextInput
              type="datetime-local"
              label={t("start.time")}
              description={<bdi>{t("start.zone", { zone: timeZone })}</bdi>}
              value={time}
              onChange={(event) => setTime(event.currentTarget.value)}
              error={isAsked && problem}
              maw={320}
              required
            />
          )}
          <Text size="sm" c="dimmed">
            {t("start.about")}
          </Text>
          <FormEnd
            yes={when === "now" ? t("start.yes", { count }) : t("start.schedule")}
            close={close}
            busy={starting.isPending}
            error={starting.error}
          />
        </Stack>
      </form>
    </Modal>
  );
}
