// Reacts to a customer's message with one of six emoji, or takes the reaction back.
import { ActionIcon, Button, Group, Popover } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconMoodSmile } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { useSay } from "@/parts/say";
import { refresh } from "./conversations";
import { type Message, put } from "./thread";
import classes from "./thread.module.css";

const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

type Props = {
  message: Message;
  conversation: string;
  /** The message in a few words. */
  summary: string;
  /** One's own reaction, if there is one. */
  own: string | undefined;
};

export function ReactionPicker({ message, conversation, summary, own }: Props) {
  const { t } = useTranslation("inbox");
  const say = useSay();
  const [opened, { close, toggle }] = useDisclosure();
  const reacting = useMutation({
    mutationFn: async (emoji: string) => {
      const { data, error } = await api.POST("/api/v1/conversations/{id}/messages", {
        params: { path: { id: conversation }, header: { "Idempotency-Key": crypto.randomUUID() } },
        body: { reaction: { message: message.id, emoji } },
      });
      if (error) throw error;
      return data;
    },
    onSuccess: (sent) => {
      put(conversation, sent);
      // Reacting takes the conversation over, as every message does.
      void refresh(conversation).catch(() => undefined);
    },
    onError: say.failed,
  });
  const react = (emoji: string) => {
    close();
    reacting.mutate(emoji);
  };
  return (
    <Popover opened={opened} onChange={toggle} position="top" withinPortal={false} trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon
          className={classes.quote}
          variant="subtle"
          color="gray"
          size="sm"
          loading={reacting.isPending}
          onClick={toggle}
          aria-label={t("react.do", { text: summary })}
          title={t("react.title")}
        >
          <IconMoodSmile size={16} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={4} aria-label={t("react.title")}>
        <Group gap={0} wrap="nowrap">
          {EMOJI.map((emoji) => (
            <ActionIcon
              key={emoji}
              variant="subtle"
              color="gray"
              size="lg"
              fz="lg"
              onClick={() => react(emoji)}
            >
              {emoji}
            </ActionIcon>
          ))}
        </Group>
        {own && (
          <Button size="compact-sm" variant="subtle" color="gray" fullWidth onClick={() => react("")}>
            {t("react.remove")}
          </Button>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
