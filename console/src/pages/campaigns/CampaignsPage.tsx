// All campaigns, newest first.
import { Anchor, Button, Group, Paper, Progress, Stack, Text } from "@mantine/core";
import { IconPlus, IconSpeakerphone } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { usePages } from "@/api/pages";
import { useFormat } from "@/i18n/format";
import { MoreButton } from "@/parts/MoreButton";
import { Page } from "@/parts/Page";
import { Async, Empty } from "@/parts/States";
import { When } from "@/parts/When";
import { CampaignStateBadge } from "./CampaignStateBadge";
import { type Campaign, settled } from "./campaign";
import { useNumberLabel } from "./numberLabel";

function NewButton() {
  const { t } = useTranslation("campaigns");
  return (
    <Button
      leftSection={<IconPlus size={18} aria-hidden />}
      renderRoot={(props) => <Link to="/campaigns/new" {...props} />}
    >
      {t("new.title")}
    </Button>
  );
}

export function CampaignsPage() {
  const { t } = useTranslation("campaigns");
  const query = usePages((cursor) =>
    $api.queryOptions("get", "/api/v1/campaigns", { params: { query: { cursor } } }),
  );
  const some = (query.data?.length ?? 0) > 0;
  return (
    <Page title={t("title")} about={t("about")} actions={some && <NewButton />}>
      <Async query={query} empty={<NoCampaigns />} shape="reports" rows={3}>
        {(campaigns) => (
          <Stack gap="sm">
            <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
              {campaigns.map((campaign) => (
                <CampaignRow key={campaign.id} campaign={campaign} />
              ))}
            </Stack>
            <MoreButton query={query} />
          </Stack>
        )}
      </Async>
    </Page>
  );
}

function NoCampaigns() {
  const { t } = useTranslation("campaigns");
  return (
    <Empty icon={<IconSpeakerphone />} title={t("none.title")} action={<NewButton />}>
      <p>{t("none.about")}</p>
      <p>{t("none.begin")}</p>
    </Empty>
  );
}

function CampaignRow({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const numberLabel = useNumberLabel();
  const { id, name, created_at, number_id } = campaign;
  return (
    <Paper withBorder p="md" component="li">
      <Stack gap={6}>
        <Group gap="xs">
          <Anchor
            fw={600}
            renderRoot={(props) => <Link to="/campaigns/$campaign" params={{ campaign: id }} {...props} />}
          >
            <bdi>{name}</bdi>
          </Anchor>
          <CampaignStateBadge campaign={campaign} />
        </Group>
        <CampaignProgress campaign={campaign} />
        <Text size="sm" c="dimmed">
          <bdi>{numberLabel(number_id)}</bdi> · {t("created")} <When at={created_at} />
        </Text>
      </Stack>
    </Paper>
  );
}

/** How many recipients are dealt with: in words, and as a bar once it was started. */
export function CampaignProgress({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation("campaigns");
  const format = useFormat();
  const { recipients, state, started_at } = campaign;
  const done = settled(campaign);
  if (recipients === 0) return <Text size="sm">{t("recipients.none")}</Text>;
  if (state === "draft" || started_at == null)
    return <Text size="sm">{t("recipients.count", { count: recipients })}</Text>;
  const words = t("progress", { done: format.count(done), all: format.count(recipients) });
  return (
    <div>
      <Text size="sm">{words}</Text>
      {state !== "finished" && (
        <Progress value={(100 * done) / recipients} mt={4} size="sm" aria-label={words} />
      )}
    </div>
  );
}
