// What a model is chosen with: beside what is used now, why that cannot be used, and the form that chooses another.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useFocusReturn } from "@mantine/hooks";
import { IconAlertTriangle } from "@tabler/icons-react";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { roleWords } from "@/parts/modelRole";
import { useRemoval } from "@/parts/useRemoval";
import { chosenOf, ofModel, type Scope } from "./draft";
import { ModelForm } from "./ModelForm";
import { paramsOf } from "./saving";

type Props = {
  scope: Scope;
  /** The agent's name, for one of its own. */
  agentName?: string;
  settings: Schemas["ModelSettings"];
  /** Why the configuration's model cannot be used. */
  problem?: string | null;
  /** Whether the agent's settings name a model, which wins: then there is nothing to change. */
  isOverruled?: boolean;
  /** Whether nothing does the task: then the form is open. */
  isMissing?: boolean;
  /** What is used now. */
  children: ReactNode;
};

export function ModelChoice({
  scope,
  agentName,
  settings,
  isMissing,
  isOverruled,
  children,
  ...more
}: Props) {
  const { t } = useTranslation(["models"]);
  const [isOpen, setOpen] = useState(false);
  useFocusReturn({ opened: isOpen });
  const id = useId();
  const chosen = chosenOf(scope, settings);
  const problem = chosen?.problem ?? more.problem;
  const task = t(roleWords[scope.role]);
  const close = () => setOpen(false);
  return (
    <Stack>
      <Group justify="space-between" align="flex-start" gap="xs">
        <div style={{ minWidth: 0, flex: "1 1 260px" }}>{children}</div>
        {!isMissing && (
          <Group gap="xs">
            {!isOverruled && (
              <Button
                size="xs"
                variant="default"
                aria-expanded={isOpen}
                aria-controls={isOpen ? id : undefined}
                aria-label={t("change.of", { task: agentName ? `${agentName}, ${task}` : task })}
                onClick={() => setOpen(!isOpen)}
              >
                {t("change.label")}
              </Button>
            )}
            {chosen && <Removal scope={scope} agentName={agentName} />}
          </Group>
        )}
      </Group>
      {problem && !isOverruled && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("broken.title")}>
          <Text size="sm">
            {t(`without.${scope.role}`)} {t("broken.until")}
          </Text>
          <Text size="sm" c="dimmed" mt={4}>
            <bdi>{problem}</bdi>
          </Text>
        </Alert>
      )}
      {(isOpen || isMissing) && (
        <div id={id}>
          <ModelForm
            key={chosen && `${chosen.provider} ${chosen.base_url} ${chosen.model}`}
            scope={scope}
            settings={settings}
            close={isMissing ? undefined : close}
          />
        </div>
      )}
    </Stack>
  );
}

/** Goes back to the configuration, or for an agent to what the others use. */
function Removal({ scope, agentName: name }: Pick<Props, "scope" | "agentName">) {
  const { t } = useTranslation(["models", "common"]);
  const removal = useRemoval();
  const remove = $api.useMutation("delete", "/api/v1/settings/models/{role}", {
    onSuccess: () => reread(...ofModel),
  });
  const task = t(roleWords[scope.role]);
  const yes = name ? t("common:action.remove") : t("remove.yes");
  const question = name
    ? { title: t("agents.removeTitle"), text: t("agents.removeText", { name, task }), yes }
    : { title: t("remove.title"), text: t("remove.text"), yes };
  const done = name ? t("agents.removed", { name, task }) : t("remove.done");
  const ask = () => removal(question, () => remove.mutateAsync({ params: paramsOf(scope) }), done);
  return (
    <Button
      size="xs"
      variant="subtle"
      color="red"
      aria-label={`${yes}: ${name ? `${name}, ${task}` : task}`}
      onClick={() => void ask()}
      loading={remove.isPending}
    >
      {yes}
    </Button>
  );
}
