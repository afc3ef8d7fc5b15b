// An agent's hand-off rules, edited in the header of its prompt file and tested on a sentence before publishing.
import {
  Alert,
  Anchor,
  Button,
  Group,
  NumberInput,
  Paper,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
  Textarea,
  Title,
} from "@mantine/core";
import { Link, useBlocker } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useConfirm } from "@/parts/Confirm";
import { lazyDialog } from "@/parts/lazyDialog";
import { type Rules, readRules, tidy, withRule, wrongHeader } from "./rules";
import { TryIt } from "./TryIt";

const PublishDialog = lazyDialog(async () => (await import("@/parts/PublishDialog")).PublishDialog);

type Agent = Schemas["Agent"];

/** The edited file. It follows the live one until something is changed. */
function useDraft(agent: Agent) {
  const [base, setBase] = useState(agent);
  const [source, setSource] = useState(agent.source);
  const isChanged = source !== base.source;
  const isOld = base.version_id !== agent.version_id;
  const renew = () => {
    setBase(agent);
    setSource(agent.source);
  };
  if (isOld && (!isChanged || source === agent.source)) renew();
  return { source, setSource, isChanged, isOld, renew };
}

/** Asks before unsaved changes are left. */
function useLeaving(isChanged: boolean) {
  const { t } = useTranslation("handoffs");
  const confirm = useConfirm();
  useBlocker({
    disabled: !isChanged,
    enableBeforeUnload: isChanged,
    shouldBlockFn: async ({ current, next }) => {
      if (current.pathname === next.pathname && next.search === current.search) return false;
      return !(await confirm({
        title: t("leave.title"),
        text: t("leave.about"),
        yes: t("leave.yes"),
        danger: true,
      }));
    },
  });
}

export function RulesOf({ agent }: { agent: Agent }) {
  const { t } = useTranslation("handoffs");
  const { source, setSource, isChanged, isOld, renew } = useDraft(agent);
  const [publishing, setPublishing] = useState(false);
  useLeaving(isChanged);
  const wrong = wrongHeader(source);
  if (wrong)
    return (
      <Alert color="orange" title={t("rules.broken")}>
        <Text size="sm" dir="auto" style={{ whiteSpace: "pre-wrap" }}>
          {wrong}
        </Text>
        <Anchor
          renderRoot={(props) => <Link to="/sandbox" search={{ agent: agent.slug }} {...props} />}
          size="sm"
        >
          {t("rules.sandbox")}
        </Anchor>
      </Alert>
    );
  return (
    <Stack>
      {isOld && isChanged && (
        <Alert color="orange" title={t("rules.newer")}>
          <Group justify="space-between">
            <Text size="sm">{t("rules.newerAbout")}</Text>
            <Button size="xs" variant="default" onClick={renew}>
              {t("rules.takeNewer")}
            </Button>
          </Group>
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Stack gap="md" component="section" aria-labelledby="rules">
          <Title order={2} id="rules">
            {t("rules.title")}
          </Title>
          <Fields
            rules={readRules(source)}
            onChange={(key, value) => setSource((now) => withRule(now, key, value))}
          />
          <Group>
            <Button disabled={!isChanged} onClick={() => setPublishing(true)}>
              {t("rules.publish")}
            </Button>
            <Button variant="default" disabled={!isChanged} onClick={renew}>
              {t("rules.undo")}
            </Button>
            <Text size="sm" c="dimmed" role="status">
              {isChanged ? t("rules.changed") : t("rules.live", { version: agent.version })}
            </Text>
          </Group>
        </Stack>
        <Paper
          withBorder
          p="lg"
          component="section"
          aria-labelledby="try"
          style={{ alignSelf: "start", position: "sticky", insetBlockStart: 16 }}
        >
          <Title order={2} id="try" mb="sm">
            {t("try.title")}
          </Title>
          <TryIt agent={agent.slug} source={isChanged ? source : undefined} />
        </Paper>
      </SimpleGrid>
      <PublishDialog
        agent={agent.slug}
        source={source}
        opened={publishing}
        onClose={() => setPublishing(false)}
      />
    </Stack>
  );
}

type FieldsProps = { rules: Rules; onChange: <K extends keyof Rules>(key: K, value: Rules[K]) => void };

function Fields({ rules, onChange }: FieldsProps) {
  const { t } = useTranslation("handoffs");
  // While typing, the value may not be a number yet.
  const minutes = (value: number | string) =>
    onChange("returnMinutes", value === "" ? undefined : Math.max(0, Math.round(Number(value)) || 0));
  return (
    <>
      <TagsInput
        label={t("rules.keywords")}
        description={t("rules.keywordsAbout")}
        placeholder={t("rules.add")}
        value={rules.keywords}
        onChange={(next) => onChange("keywords", tidy(next))}
        splitChars={[]}
        acceptValueOnBlur
        dir="auto"
      />
      <TagsInput
        label={t("rules.patterns")}
        description={t("rules.patternsAbout")}
        placeholder={t("rules.add")}
        value={rules.patterns}
        onChange={(next) => onChange("patterns", tidy(next))}
        splitChars={[]}
        acceptValueOnBlur
        styles={{ pill: { direction: "ltr" }, inputField: { direction: "ltr" } }}
      />
      <Textarea
        label={t("rules.reply")}
        description={t("rules.replyAbout")}
        value={rules.reply}
        onChange={(event) => onChange("reply", event.currentTarget.value)}
        autosize
        minRows={2}
        maxRows={8}
        dir="auto"
      />
      <TagsInput
        label={t("rules.notify")}
        description={t("rules.notifyAbout")}
        placeholder={t("rules.add")}
        value={rules.notify}
        onChange={(next) => onChange("notify", tidy(next))}
        acceptValueOnBlur
        styles={{ pill: { direction: "ltr" }, inputField: { direction: "ltr" } }}
      />
      <NumberInput
        label={t("rules.minutes")}
        description={t("rules.minutesAbout")}
        placeholder={t("rules.minutesDefault")}
        value={rules.returnMinutes ?? ""}
        onChange={minutes}
        min={0}
        allowDecimal={false}
        allowNegative={false}
        maw={280}
      />
    </>
  );
}
