// The conversation with the agent: who answers, the messages, and the message field.
import { Box, Button, Group, Stack, Switch, Text, UnstyledButton } from "@mantine/core";
import { IconEraser, IconMessageCircle } from "@tabler/icons-react";
import { type Ref, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDroppedSound } from "@/parts/Recorder";
import { Empty } from "@/parts/States";
import { useSampleQuestions } from "@/parts/sampleQuestions";
import { useSay } from "@/parts/say";
import { clear, resolve, send, stop } from "./asking";
import { Composer } from "./Composer";
import { silentAfter, useTurns } from "./conversation";
import { NoModel } from "./NoModel";
import classes from "./Sandbox.module.css";
import { SidePicker } from "./SidePicker";
import type { Choice, Version } from "./sides";
import { Thread } from "./Thread";
import type { Side, Turn, Voice } from "./turn";

type Props = {
  agent: string;
  sides: Side[];
  choices: Choice[];
  onChoices: (choices: Choice[]) => void;
  versions: Version[];
  ref?: Ref<HTMLTextAreaElement>;
};

export function ConversationPane({ agent, sides, choices, onChoices, versions, ref }: Props) {
  const { t } = useTranslation("sandbox");
  const say = useSay();
  const turns = useTurns(agent);
  const [voice, setVoice] = useState<Voice>();
  const [marks, setMarks] = useState(true);
  const writing = turns.some(({ replies }) => replies.some(({ state }) => state === "writing"));
  const comparing = choices.length > 1;

  const take = (file: File | undefined) =>
    setVoice((before) => {
      if (before) URL.revokeObjectURL(before.url);
      return file && { file, url: URL.createObjectURL(file) };
    });
  const drop = useDroppedSound(take, () => say.failed(new Error(t("voice.notSound"))));
  const tell = (text: string) => {
    send(agent, sides, text, voice);
    // The turn holds the recording now.
    setVoice(undefined);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another agent, another conversation.
  useEffect(() => setVoice(undefined), [agent]);
  const choose = (at: number) => (choice: Choice) =>
    onChoices(choices.map((one, index) => (index === at ? choice : one)));

  return (
    <Box className={`${classes.fill} ${drop.over ? classes.drop : ""}`} {...drop.props}>
      <Stack gap={8} px={{ base: "md", md: 20 }} py={10}>
        {comparing && (
          <div className={classes.sides}>
            {choices.map((choice, at) => (
              <SidePicker
                // biome-ignore lint/suspicious/noArrayIndexKey: a side is its place.
                key={at}
                label={at === 0 ? t("compare.left") : t("compare.right")}
                value={choice}
                onChange={choose(at)}
                versions={versions}
                withModel
              />
            ))}
          </div>
        )}
        <Group gap="xs" justify="space-between" wrap="nowrap">
          {comparing ? (
            <Switch
              size="xs"
              label={t("compare.marks")}
              checked={marks}
              onChange={(event) => setMarks(event.currentTarget.checked)}
            />
          ) : (
            choices[0] && (
              <Group gap={8} wrap="nowrap">
                <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
                  {t("conversation.answersAs")}
                </Text>
                <SidePicker
                  label={t("conversation.answersAs")}
                  value={choices[0]}
                  onChange={choose(0)}
                  versions={versions}
                />
              </Group>
            )
          )}
          <Button
            variant="subtle"
            color="gray"
            size="xs"
            leftSection={<IconEraser size={16} aria-hidden />}
            onClick={() => clear(agent)}
            disabled={turns.length === 0}
            style={{ flex: "none" }}
          >
            {t("conversation.clear")}
          </Button>
        </Group>
        <NoModel c="dimmed">{t("noModel.conversation")}</NoModel>
      </Stack>
      {turns.length === 0 ? (
        <ExampleQuestions agent={agent} comparing={comparing} dropping={drop.over} onAsk={tell} />
      ) : (
        <Thread agent={agent} turns={turns} marks={marks} />
      )}
      <OfferedChoices turns={turns} choose={tell} />
      <SilenceNotice agent={agent} turns={turns} />
      <Composer
        ref={ref}
        writing={writing}
        voice={voice}
        onVoice={take}
        onSend={tell}
        onStop={() => stop(agent)}
      />
    </Box>
  );
}

/** The choices of the last reply, to tap as a customer does. */
function OfferedChoices({ turns, choose }: { turns: Turn[]; choose: (title: string) => void }) {
  const { t } = useTranslation("sandbox");
  const replies = turns.at(-1)?.replies ?? [];
  // A reply that was kept by an older page has none.
  const titles = replies.every(({ state }) => state === "done") ? (replies[0]?.outcome?.choices ?? []) : [];
  if (titles.length === 0) return null;
  return (
    <Group gap={6} px={{ base: "md", md: 20 }} py={6} role="group" aria-label={t("conversation.choices")}>
      {titles.map((title) => (
        <Button key={title} size="compact-sm" variant="light" onClick={() => choose(title)}>
          <bdi>{title}</bdi>
        </Button>
      ))}
    </Group>
  );
}

/** Why the bot is silent, with the way back. */
function SilenceNotice({ agent, turns }: { agent: string; turns: Turn[] }) {
  const { t } = useTranslation("sandbox");
  const why = silentAfter(turns);
  if (!why) return null;
  return (
    <Group gap="xs" px={{ base: "md", md: 20 }} py={6} justify="space-between" role="note">
      <Text size="xs" c="dimmed" flex={1}>
        {t(`conversation.silent.${why}`)}
      </Text>
      {why === "person" && (
        <Button size="compact-xs" variant="default" onClick={() => resolve(agent)}>
          {t("conversation.resolve")}
        </Button>
      )}
    </Group>
  );
}

/** Example questions, shown before the first message. */
function ExampleQuestions({
  agent,
  comparing,
  dropping,
  onAsk,
}: {
  agent: string;
  comparing: boolean;
  dropping: boolean;
  onAsk: (text: string) => void;
}) {
  const { t } = useTranslation("sandbox");
  const { isDemo, own } = useSampleQuestions(agent);
  const demo = ["ask.hours", "ask.repair", "ask.rental", "ask.person"] as const;
  const questions = isDemo ? demo.map((key) => t(key)) : own;
  return (
    <Box className={classes.scroll}>
      <Empty icon={<IconMessageCircle />} title={dropping ? t("voice.drop") : t("conversation.empty")}>
        <p style={{ margin: 0 }}>{t("conversation.emptyAbout")}</p>
        {comparing && <p style={{ margin: "4px 0 0" }}>{t("compare.about")}</p>}
        {questions.length > 0 && (
          <Stack
            gap={6}
            mt="md"
            align="center"
            component="ul"
            p={0}
            mb={0}
            aria-label={t("conversation.examples")}
            style={{ listStyle: "none" }}
          >
            {questions.map((question) => (
              <li key={question}>
                <UnstyledButton
                  onClick={() => onAsk(question)}
                  px="sm"
                  py={6}
                  fz="sm"
                  c="var(--mantine-color-text)"
                  style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 999 }}
                >
                  <span dir="auto">{question}</span>
                </UnstyledButton>
              </li>
            ))}
          </Stack>
        )}
      </Empty>
    </Box>
  );
}
