// Cases that wait for a person, and resolved ones.
import { Badge, Button, Group, Paper, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconHeadset, IconMessage } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { usePages } from "@/api/pages";
import { reread } from "@/api/queries";
import { useAgentNames } from "@/parts/agentName";
import { useConfirm } from "@/parts/Confirm";
import { useCaseReason } from "@/parts/caseReason";
import { customerName } from "@/parts/customer";
import { FormattedText } from "@/parts/FormattedText";
import { MoreButton } from "@/parts/MoreButton";
import { Empty, Failed, Loading } from "@/parts/States";
import { useSay } from "@/parts/say";
import { When } from "@/parts/When";
import { LostNotices } from "./LostNotices";

export function Cases({ many }: { many: boolean }) {
  const { t } = useTranslation("handoffs");
  const [open, setOpen] = useState(true);
  const query = usePages((cursor) =>
    $api.queryOptions("get", "/api/v1/escalations", { params: { query: { open, limit: 30, cursor } } }),
  );
  const cases = query.data;
  return (
    <Stack gap="sm">
      <LostNotices />
      <SegmentedControl
        aria-label={t("cases.which")}
        value={open ? "open" : "all"}
        onChange={(next) => setOpen(next === "open")}
        data={[
          { value: "open", label: t("cases.open") },
          { value: "all", label: t("cases.all") },
        ]}
        w="fit-content"
      />
      {!cases && !query.error && <Loading shape="boxes" />}
      {!cases && query.error && <Failed error={query.error} again={() => void query.refetch()} />}
      {cases?.length === 0 && (
        <Empty icon={<IconHeadset />} title={t(open ? "cases.noneOpen" : "cases.none")}>
          {t(open ? "cases.noneOpenAbout" : "cases.noneAbout")}
        </Empty>
      )}
      {cases && cases.length > 0 && (
        <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {cases.map((one) => (
            <Case key={one.id} one={one} many={many} />
          ))}
        </Stack>
      )}
      <MoreButton query={query} />
    </Stack>
  );
}

function Case({ one, many }: { one: Schemas["Escalation"]; many: boolean }) {
  const { t } = useTranslation("handoffs");
  const reasonOf = useCaseReason();
  const confirm = useConfirm();
  const say = useSay();
  const agentNamed = useAgentNames();
  const { id, conversation_id, question, created_at, resolved_at, agent, number_slug } = one;
  const isOpen = one.state === "open";
  const name = customerName(one, t("cases.unnamed"));
  const resolve = $api.useMutation("post", "/api/v1/escalations/{id}/resolve", {
    onSuccess: () => {
      say.done(t("cases.resolved"));
      reread("/api/v1/escalations", "/api/v1/conversations/counts", "/api/v1/conversations");
    },
    onError: say.failed,
  });
  const ask = async () => {
    const sure = await confirm({
      title: t("cases.resolveTitle"),
      text: t("cases.resolveAbout"),
      yes: t("cases.resolve"),
    });
    if (sure) resolve.mutate({ params: { path: { id } } });
  };
  return (
    <Paper withBorder px="md" py="sm" component="li">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Stack gap={4} flex="1 1 260px" miw={0}>
          <Group gap="xs">
            <Text fw={600} size="sm" dir="auto">
              {name}
            </Text>
            <Badge variant="light" color={isOpen ? "orange" : "teal"} tt="none">
              {t(isOpen ? "cases.isOpen" : "cases.isResolved")}
            </Badge>
            <Text size="xs" c="dimmed" component="span">
              <When at={created_at} ago />
            </Text>
          </Group>
          {question && (
            <Text size="sm" lineClamp={3} style={{ whiteSpace: "pre-wrap" }}>
              <bdi>
                <FormattedText text={question} />
              </bdi>
            </Text>
          )}
          <Text size="sm" c="dimmed">
            <bdi>{reasonOf(one)}</bdi>
            {many && (
              <>
                {" · "}
                <bdi>{agentNamed(agent)}</bdi>
              </>
            )}
            {" · "}
            <bdi>{number_slug}</bdi>
            {resolved_at != null && (
              <>
                {" · "}
                {t("cases.resolvedAt")} <When at={resolved_at} />
              </>
            )}
          </Text>
        </Stack>
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            renderRoot={(props) => <Link to="/inbox/$id" params={{ id: conversation_id }} {...props} />}
            leftSection={<IconMessage size={14} aria-hidden />}
            aria-label={t("cases.conversationOf", { name })}
          >
            {t("cases.conversation")}
          </Button>
          {isOpen && (
            <Button
              size="xs"
              variant="default"
              loading={resolve.isPending}
              onClick={() => void ask()}
              aria-label={t("cases.resolveOf", { name })}
            >
              {t("cases.resolve")}
            </Button>
          )}
        </Group>
      </Group>
    </Paper>
  );
}
