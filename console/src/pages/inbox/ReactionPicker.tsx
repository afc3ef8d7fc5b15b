// Reacts to a customer's message with one of six emoji, or takes the reaction back.
import { ActionIcon, Group, Menu } from "@mantine/core";
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
  return (
    <Menu position="top" withinPortal>
      <Menu.Target>
        <ActionIcon
          className={classes.quote}
          variant="subtle"
          color="gray"
          size="sm"
          loading={reacting.isPending}
          aria-label={t("react.do", { text: summary })}
          title={t("react.title")}
        >
          <IconMoodSmile size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Group gap={0} wrap="nowrap">
          {EMOJI.map((emoji) => (
            <Menu.Item key={emoji} w="auto" px={8} fz="lg" onClick={() => reacting.mutate(emoji)}>
              {emoji}
            </Menu.Item>
          ))}
        </Group>
        {own && <Menu.Item onClick={() => reacting.mutate("")}>{t("react.remove")}</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}
