// The models that run on the desk's machine: their sizes, which are in use and how to use
// another, and downloads with their progress.
import { Badge, Button, Code, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";
import { useConfirm } from "@/parts/Confirm";
import { isRole, type ModelRole } from "@/parts/modelRole";
import { Empty } from "@/parts/States";
import { useSay } from "@/parts/say";
import { tasks } from "./Parts";
import { paramsOf, useSaving } from "./saving";

type Settings = Schemas["ModelSettings"];
type LocalModel = Schemas["LocalModel"];

/** How many models of each task are offered at first; the list names the preferred ones first. */
const OFFERED = 2;

/** The models that are there or on their way, and the first of each task. */
export function shortened(models: LocalModel[]): LocalModel[] {
  return models.filter(({ name, task, installed, received, failure }) => {
    if (installed || typeof received === "number" || failure) return true;
    const offered = models.filter((other) => other.task === task && !other.installed);
    return offered.slice(0, OFFERED).some((other) => other.name === name);
  });
}

export function LocalModels({ settings }: { settings: Settings }) {
  const { local: models, folder, parts } = settings;
  const { t } = useTranslation(["models", "common"]);
  const [isLong, setLong] = useState(false);
  const few = shortened(models);
  const shown = isLong ? models : few;
  return (
    <Stack gap="sm" component="section" aria-labelledby="local-models">
      <div>
        <Title order={2} id="local-models">
          {t("local.title")}
        </Title>
        <Text size="sm" c="dimmed" component="div">
          {t("local.about")} <Code dir="ltr">{folder}</Code>
        </Text>
      </div>
      {models.length === 0 ? (
        <Empty title={t("local.none")} />
      ) : (
        <Paper withBorder component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {shown.map((model, at) => (
            <Row
              key={model.name}
              model={model}
              part={parts.find(({ task }) => task === model.task)}
              isFirst={at === 0}
            />
          ))}
        </Paper>
      )}
      {shown.length < models.length && (
        <Button variant="subtle" w="fit-content" onClick={() => setLong(true)}>
          {t("common:action.moreOf", { left: models.length - shown.length })}
        </Button>
      )}
    </Stack>
  );
}

type RowProps = { model: LocalModel; part?: Schemas["ModelPart"]; isFirst: boolean };

function Row({ model, part, isFirst }: RowProps) {
  const { t } = useTranslation("models");
  const format = useFormat();
  const { name, task, about, bytes, installed, in_use, received, failure } = model;
  const isChosen = part?.chosen?.provider === "local" && part.chosen.model === name;
  const share = typeof received !== "number" ? 0 : Math.min(99, (100 * received) / Math.max(bytes, 1));
  return (
    <li
      data-testid={`local-${name}`}
      style={isFirst ? undefined : { borderTop: "1px solid var(--mantine-color-default-border)" }}
    >
      <Group justify="space-between" p="md" gap="xs">
        <div style={{ minWidth: 0, flex: "1 1 260px" }}>
          <Text fw={600} size="sm" style={{ overflowWrap: "anywhere" }}>
            <bdi dir="ltr">{name}</bdi>
          </Text>
          <Text size="sm" c="dimmed">
            {t(known(tasks, task, "task.embeddings"))} · {format.size(bytes)}
          </Text>
          {about && (
            <Text size="xs" c="dimmed">
              <bdi lang="en">{about}</bdi>
            </Text>
          )}
        </div>
        {installed ? (
          <Group gap="xs">
            <Badge variant="light" tt="none" color={in_use ? "teal" : "gray"}>
              {t(in_use ? "local.inUse" : "local.installed")}
            </Badge>
            {part?.role && isRole(part.role) && !in_use && !isChosen && (
              <Choice role={part.role} model={name} chosen={part.chosen} />
            )}
          </Group>
        ) : (
          <Download name={name} runs={typeof received === "number"} />
        )}
      </Group>
      {typeof received === "number" && (
        <Stack px="md" pb="md" gap={4}>
          <Progress value={share} aria-label={t("local.progressOf", { name })} />
          <Text size="xs" c="dimmed">
            {t("local.progress", { received: format.size(received), total: format.size(bytes) })}
          </Text>
        </Stack>
      )}
      {failure && (
        <Text size="sm" c="red" px="md" pb="md" style={{ overflowWrap: "anywhere" }}>
          {t("local.failed")} <bdi>{failure}</bdi>
        </Text>
      )}
    </li>
  );
}

type ChoiceProps = {
  role: ModelRole;
  model: string;
  /** The model that is chosen now. */
  chosen: Schemas["ModelPart"]["chosen"];
};

/** Uses a model of the machine for its task. */
function Choice({ role, model, chosen }: ChoiceProps) {
  const { t } = useTranslation("models");
  const say = useSay();
  const confirm = useConfirm();
  const saving = useSaving({ role }, { onError: say.failed });
  const body = { provider: "local", model } as const;
  const use = async () => {
    // The other model's key is not kept.
    const question = { title: t("local.replaceTitle", { name: model }), text: t("local.replaceText") };
    if (chosen?.has_key && !(await confirm({ ...question, yes: t("local.use"), danger: true }))) return;
    saving.mutate({ params: paramsOf({ role }), body });
  };
  return (
    <Button
      size="xs"
      variant="default"
      loading={saving.isPending}
      aria-label={t("local.useOf", { name: model })}
      onClick={() => void use()}
    >
      {t("local.use")}
    </Button>
  );
}

function Download({ name, runs }: { name: string; runs: boolean }) {
  const { t } = useTranslation(["models", "common"]);
  const say = useSay();
  const after = { onSuccess: () => reread("/api/v1/settings/models"), onError: say.failed };
  const fetching = $api.useMutation("post", "/api/v1/settings/models/local/{name}", after);
  const cancelling = $api.useMutation("delete", "/api/v1/settings/models/local/{name}", after);
  const call = { params: { path: { name } } };
  if (runs) {
    return (
      <Button
        size="xs"
        variant="default"
        loading={cancelling.isPending}
        aria-label={t("local.cancelOf", { name })}
        onClick={() => cancelling.mutate(call)}
      >
        {t("common:action.cancel")}
      </Button>
    );
  }
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconDownload size={14} aria-hidden />}
      loading={fetching.isPending}
      aria-label={t("local.fetchOf", { name })}
      onClick={() => fetching.mutate(call)}
    >
      {t("local.fetch")}
    </Button>
  );
}
