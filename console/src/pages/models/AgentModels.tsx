// The agents that have a model of their own: named by their settings or chosen here; and how to choose one.
import { Anchor, Badge, Button, Group, Paper, Select, Stack, Text, Title } from "@mantine/core";
import { useFocusReturn } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { known } from "@/api/words";
import { AgentSelect } from "@/parts/AgentSelect";
import { isRole, type ModelRole, roleWords } from "@/parts/modelRole";
import { ModelChoice } from "./ModelChoice";
import { ModelForm, providerWords } from "./ModelForm";

type Settings = Schemas["ModelSettings"];

/** The tasks that an agent can have a model of its own for. Vectors are shared by all that read a collection. */
const ownRoles: readonly ModelRole[] = ["chat", "speech", "reranking"];

export function AgentModels({ settings }: { settings: Settings }) {
  const { t } = useTranslation("models");
  const [isOpen, setOpen] = useState(false);
  useFocusReturn({ opened: isOpen });
  if (settings.agents.length === 0) return null;
  const rows = settings.agents.flatMap((agent) => ownModels(agent, settings));
  return (
    <Stack gap="sm" component="section" aria-labelledby="agent-models">
      <div>
        <Title order={2} id="agent-models">
          {t("agents.title")}
        </Title>
        <Text size="sm" c="dimmed">
          {t(rows.length > 0 ? "agents.about" : "agents.none")}
        </Text>
      </div>
      {rows.length > 0 && (
        <Paper withBorder component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {rows.map(({ key, children }, at) => (
            <li
              key={key}
              data-testid={`own-${key}`}
              style={{
                padding: "var(--mantine-spacing-md)",
                borderTop: at > 0 ? "1px solid var(--mantine-color-default-border)" : undefined,
              }}
            >
              {children}
            </li>
          ))}
        </Paper>
      )}
      <Button
        variant="default"
        w="fit-content"
        leftSection={<IconPlus size={16} aria-hidden />}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {t("agents.add")}
      </Button>
      {isOpen && <NewModel settings={settings} close={() => setOpen(false)} />}
    </Stack>
  );
}

type OwnModel = { key: string; children: ReactNode };

function ownModels({ slug, name, model, choices }: Schemas["AgentModels"], settings: Settings): OwnModel[] {
  const shown = choices.filter(({ role }) => isRole(role));
  const chosen = shown.map(({ role, chosen, is_overruled }) => ({
    key: `${slug}-${role}`,
    children: (
      <ModelChoice
        scope={{ role, agent: slug }}
        agentName={name}
        settings={settings}
        isOverruled={is_overruled}
      >
        <CurrentModel agent={name} task={role} chosen={chosen} isOverruled={is_overruled} />
      </ModelChoice>
    ),
  }));
  const named = model && { key: slug, children: <CurrentModel agent={name} task="chat" named={model} /> };
  return named ? [named, ...chosen] : chosen;
}

type CurrentModelProps = {
  agent: string;
  task: ModelRole;
  /** By the agent's settings. */
  named?: string;
  chosen?: Schemas["ChosenModel"];
  isOverruled?: boolean;
};

function CurrentModel({ agent, task, named, chosen, isOverruled }: CurrentModelProps) {
  const { t } = useTranslation(["models"]);
  const model = named ?? chosen?.model;
  return (
    <>
      <Group gap="xs">
        <Text fw={600} size="sm">
          <bdi>{agent}</bdi>
        </Text>
        <Badge variant="light" tt="none" color={isOverruled ? "gray" : "teal"}>
          {t(named ? "agents.named" : isOverruled ? "local.installed" : "now.console")}
        </Badge>
      </Group>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {t(roleWords[task])}:{" "}
        {model ? (
          <bdi dir="ltr">{model}</bdi>
        ) : (
          chosen && t(known(providerWords, chosen.provider, "provider.compatible"))
        )}
      </Text>
      {isOverruled && (
        <Text size="sm" c="dimmed">
          {t("agents.overruled")}
        </Text>
      )}
      {chosen?.base_url && !chosen.problem && !isOverruled && (
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {t(`sentTo.${task}`, { url: chosen.base_url })}
          {chosen.has_key && ` ${t("now.keyKept")}`}
        </Text>
      )}
    </>
  );
}

function NewModel({ settings, close }: { settings: Settings; close: () => void }) {
  const { t } = useTranslation(["models", "common"]);
  const agents = $api.useQuery("get", "/api/v1/agents");
  const [slug, setSlug] = useState<string | null>(null);
  const [role, setRole] = useState<ModelRole | null>(null);
  const agent = settings.agents.find((one) => one.slug === slug);
  const isNamed = !!agent?.model;
  return (
    <Paper withBorder p="md">
      <Stack>
        <AgentSelect
          label={t("agents.agent")}
          agents={agents.data}
          searchable
          allowDeselect={false}
          value={slug}
          onChange={(next) => {
            setSlug(next);
            setRole(null);
          }}
        />
        {agent && (
          <Select
            label={t("agents.task")}
            description={
              isNamed && (
                <>
                  {t("agents.namedAbout", { model: agent.model })}{" "}
                  <Anchor
                    inherit
                    underline="always"
                    renderRoot={(props) => <Link to="/sandbox" search={{ agent: agent.slug }} {...props} />}
                  >
                    {t("agents.settings")}
                  </Anchor>
                </>
              )
            }
            data={ownRoles.map((value) => ({
              value,
              label: t(roleWords[value]),
              disabled: value === "chat" && isNamed,
            }))}
            allowDeselect={false}
            value={role}
            onChange={setRole}
          />
        )}
        {agent && role ? (
          <ModelForm
            key={`${agent.slug} ${role}`}
            scope={{ role, agent: agent.slug }}
            settings={settings}
            close={close}
          />
        ) : (
          <Group justify="flex-end">
            <Button variant="subtle" onClick={close}>
              {t("common:action.cancel")}
            </Button>
          </Group>
        )}
      </Stack>
    </Paper>
  );
}
