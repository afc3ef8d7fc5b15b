// The toolbar above both panes: the agent, the state of its draft, and the actions.
import { ActionIcon, Badge, Button, Group, Menu, Title, Tooltip } from "@mantine/core";
import {
  IconArrowsDiff,
  IconChecklist,
  IconColumns2,
  IconDots,
  IconHistory,
  IconPencil,
  IconPlus,
  IconTrash,
  IconWand,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { AgentSelect } from "@/parts/AgentSelect";
import classes from "./Sandbox.module.css";

export type Actions = {
  publish: () => void;
  history: () => void;
  generate: () => void;
  throwAway: () => void;
  compare: () => void;
  make: () => void;
  rename: () => void;
  remove: () => void;
  difference: () => void;
  run: () => void;
};

type Props = {
  agents: Schemas["Agent"][];
  live: Schemas["Agent"];
  onAgent: (slug: string) => void;
  changed: boolean;
  publishable: boolean;
  comparing: boolean;
  acts: Actions;
};

export function Head({ agents, live, onAgent, changed, publishable, comparing, acts }: Props) {
  const { t } = useTranslation("sandbox");
  return (
    <Group className={classes.head} justify="space-between" gap="xs">
      <Group gap="sm" wrap="nowrap" miw={0}>
        <Title order={1} className={classes.title}>
          {t("title")}
        </Title>
        <AgentSelect
          aria-label={t("agent.choose")}
          value={live.slug}
          onChange={(slug) => slug && onAgent(slug)}
          agents={agents}
          allowDeselect={false}
          searchable={agents.length > 8}
          size="sm"
          w={{ base: 170, sm: 230 }}
        />
        {changed ? (
          <Tooltip label={t("agent.draftAbout")} multiline maw={260}>
            <Badge color="orange" variant="light" tt="none" tabIndex={0}>
              {t("agent.unpublished")}
            </Badge>
          </Tooltip>
        ) : (
          <Badge color="gray" variant="light" tt="none">
            {t("side.versionLive", { version: live.version })}
          </Badge>
        )}
      </Group>
      <Group gap="xs" wrap="nowrap">
        <Tooltip label={t("compare.about")} disabled={comparing}>
          <Button
            variant="default"
            size="sm"
            leftSection={<IconColumns2 size={16} aria-hidden />}
            onClick={acts.compare}
            aria-pressed={comparing}
          >
            {comparing ? t("compare.stop") : t("compare.start")}
          </Button>
        </Tooltip>
        <Tooltip label={t("agent.history")}>
          <ActionIcon variant="default" size={36} onClick={acts.history} aria-label={t("agent.history")}>
            <IconHistory size={18} />
          </ActionIcon>
        </Tooltip>
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="default" size={36} aria-label={t("agent.more")}>
              <IconDots size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconWand size={16} aria-hidden />} onClick={acts.generate}>
              {t("agent.generate")}
            </Menu.Item>
            <Menu.Item leftSection={<IconChecklist size={16} aria-hidden />} onClick={acts.run}>
              {t("agent.run")}
            </Menu.Item>
            <Menu.Item leftSection={<IconPlus size={16} aria-hidden />} onClick={acts.make}>
              {t("agent.new")}
            </Menu.Item>
            <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={acts.rename}>
              {t("agent.rename")}
            </Menu.Item>
            <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={acts.remove}>
              {t("agent.delete")}
            </Menu.Item>
            {changed && (
              <>
                <Menu.Divider />
                <Menu.Item leftSection={<IconArrowsDiff size={16} aria-hidden />} onClick={acts.difference}>
                  {t("agent.showDifference")}
                </Menu.Item>
                <Menu.Item
                  color="red"
                  leftSection={<IconTrash size={16} aria-hidden />}
                  onClick={acts.throwAway}
                >
                  {t("agent.throwAway")}
                </Menu.Item>
              </>
            )}
          </Menu.Dropdown>
        </Menu>
        <Button size="sm" onClick={acts.publish} disabled={!changed || !publishable}>
          {t("agent.publish")}
        </Button>
      </Group>
    </Group>
  );
}
