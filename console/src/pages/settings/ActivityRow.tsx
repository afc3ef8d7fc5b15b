// One entry of the audit log: what was done, by whom, and its details on demand. Texts of the entry are foreign.
import { Badge, Button, Code, Group, Stack, Text, ThemeIcon } from "@mantine/core";
import {
  IconBook2,
  IconChecklist,
  IconChevronDown,
  IconDeviceMobile,
  IconDots,
  IconKey,
  IconMessage,
  IconRobot,
  IconSparkles,
} from "@tabler/icons-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { known } from "@/api/words";
import { useFormat } from "@/i18n/format";
import { useActor } from "@/parts/actor";
import { Fact } from "@/parts/Fact";
import { roleWords } from "@/parts/modelRole";
import {
  actionOf,
  actions,
  type Entry,
  formerName,
  isOff,
  type Kind,
  type Outcome,
  reasonOf,
  scopeOf,
  subjectOf,
  versionOf,
} from "./actions";
import { Subject } from "./Subject";

export const kindIcons: Record<Kind, typeof IconRobot> = {
  agents: IconRobot,
  knowledge: IconBook2,
  conversations: IconMessage,
  numbers: IconDeviceMobile,
  evals: IconChecklist,
  models: IconSparkles,
  access: IconKey,
  other: IconDots,
};

const outcomeColours: Record<Outcome, string> = { done: "teal", refused: "orange", failed: "red" };

/** Letters of no language: they stand in a text where the subject goes, and where a version is missing. */
const HOLE = "\uE000";
const MISSING = "\uE001";

/** What was done; what was refused or failed is worded as what was to be done. */
function Sentence({ entry }: { entry: Entry }) {
  const { t } = useTranslation(["activity", "models"]);
  const action = isOff(entry) ? "model.off" : actionOf(entry);
  const subject = subjectOf(entry);
  const isDone = entry.outcome === "done" || actions[actionOf(entry)].isRefusal;
  const done = t(`done.${action}`, { what: HOLE, version: versionOf(entry) ?? MISSING });
  const fits = isDone && !done.includes(MISSING) && (subject || !done.includes(HOLE));
  const text = fits ? done : t(`do.${action}`);
  const [before, after] = text.split(HOLE);
  const name = subject && <Subject subject={subject} wasFound={entry.outcome === "done"} />;
  const former = formerName(entry);
  const scope = scopeOf(entry);
  return (
    <>
      {before}
      {after === undefined && name && " · "}
      {name}
      {after}
      {scope && ` · ${t(roleWords[scope.role])}`}
      {scope?.agent && (
        <>
          {" · "}
          <Subject subject={{ kind: "agent", id: scope.agent }} wasFound />
        </>
      )}
      {former && (
        <>
          {" · "}
          <bdi>{t("thing.oldName", { name: former })}</bdi>
        </>
      )}
    </>
  );
}

function Details({ entry, id }: { entry: Entry; id: string }) {
  const { t } = useTranslation("activity");
  const format = useFormat();
  const { action, actor, address, created_at, detail, outcome, subject } = entry;
  return (
    <Stack component="dl" id={id} gap="xs" m={0} mt="xs" data-testid="details">
      <Fact name={t("details.time")}>{format.full(created_at)}</Fact>
      <Fact name={t("details.actor")}>
        <bdi>{actor}</bdi>
      </Fact>
      {address && (
        <Fact name={t("details.address")}>
          <bdi>{address}</bdi>
        </Fact>
      )}
      <Fact name={t("details.action")}>
        <bdi>{action}</bdi>: {t(`outcomeAbout.${outcome}`)}
      </Fact>
      {subject && (
        <Fact name={t("details.subject")}>
          <bdi>{subject}</bdi>
        </Fact>
      )}
      {detail && Object.keys(detail).length > 0 && (
        <Fact name={t("details.detail")}>
          <Code block dir="ltr" style={{ whiteSpace: "pre-wrap" }}>
            {JSON.stringify(detail, null, 2)}
          </Code>
        </Fact>
      )}
    </Stack>
  );
}

export function ActivityRow({ entry }: { entry: Entry }) {
  const { t } = useTranslation("activity");
  const format = useFormat();
  const actorOf = useActor();
  const [opened, setOpened] = useState(false);
  const id = useId();
  const Icon = known(kindIcons, actions[actionOf(entry)].kind, IconDots);
  const reason = reasonOf(entry);
  const { outcome, created_at: at } = entry;
  return (
    <Group
      component="li"
      gap="sm"
      wrap="nowrap"
      align="flex-start"
      py="sm"
      data-action={entry.action}
      style={{ borderBlockStart: "1px solid var(--mantine-color-default-border)" }}
    >
      <ThemeIcon variant="light" color="gray" radius="xl" size={30} aria-hidden>
        <Icon size={17} />
      </ThemeIcon>
      <div style={{ flex: 1, minWidth: 0 }}>
        <Group gap="sm" justify="space-between" align="flex-start" wrap="nowrap">
          <Stack gap={2} miw={0}>
            <Text size="sm" id={`${id}-what`}>
              {outcome !== "done" && (
                <>
                  <Badge
                    component="span"
                    size="sm"
                    variant="light"
                    color={known(outcomeColours, outcome, "red")}
                    me={4}
                  >
                    {t(`outcome.${outcome}`)}
                  </Badge>{" "}
                </>
              )}
              <Sentence entry={entry} />
            </Text>
            <Text size="xs" c="dimmed">
              <time dateTime={new Date(at).toISOString()} title={format.full(at)}>
                {format.clock(at)}
              </time>
              {" · "}
              <bdi>{t("by", { who: actorOf(entry.actor) })}</bdi>
            </Text>
            {reason && (
              <Text size="xs" c="dimmed" dir="auto" style={{ whiteSpace: "pre-line" }} lineClamp={4}>
                {reason}
              </Text>
            )}
          </Stack>
          <Button
            id={`${id}-button`}
            variant="subtle"
            color="gray"
            size="compact-xs"
            style={{ flex: "none" }}
            rightSection={
              <IconChevronDown
                size={14}
                aria-hidden
                style={{ transform: opened ? "rotate(180deg)" : undefined }}
              />
            }
            aria-expanded={opened}
            aria-controls={opened ? `${id}-details` : undefined}
            aria-labelledby={`${id}-button ${id}-what`}
            onClick={() => setOpened(!opened)}
          >
            {t("details.show")}
          </Button>
        </Group>
        {opened && <Details entry={entry} id={`${id}-details`} />}
      </div>
    </Group>
  );
}
