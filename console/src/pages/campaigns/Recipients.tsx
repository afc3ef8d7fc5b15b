// A campaign's recipients, and what became of each one's message.
import { Anchor, Badge, ScrollArea, Stack, Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { MoreButton } from "@/parts/MoreButton";
import { Async } from "@/parts/States";
import { useNote } from "../inbox/note";
import { useRecipients } from "./recipients";

type Recipient = Schemas["Recipient"];

export function Recipients({ id }: { id: string }) {
  const { t } = useTranslation("campaigns");
  const query = useRecipients(id);
  return (
    <Async
      query={query}
      empty={
        <Text size="sm" c="dimmed">
          {t("recipients.none")}
        </Text>
      }
    >
      {(recipients) => (
        <Stack gap="sm">
          <ScrollArea
            type="auto"
            offsetScrollbars="x"
            viewportProps={{ tabIndex: 0, role: "group", "aria-label": t("recipients.title") }}
          >
            <Table miw={520}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">{t("recipients.customer")}</Table.Th>
                  <Table.Th scope="col">{t("recipients.message")}</Table.Th>
                  <Table.Th scope="col">{t("recipients.conversation")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {recipients.map((one, at) => (
                  <RecipientRow key={one.wa_id ?? one.bsuid ?? at} recipient={one} />
                ))}
              </Table.Tbody>
            </Table>
          </ScrollArea>
          <MoreButton query={query} />
        </Stack>
      )}
    </Async>
  );
}

const phoneOf = (wa_id: string) => wa_id.replace(/^\d+$/, "+$&");

function RecipientRow({ recipient }: { recipient: Recipient }) {
  const { t } = useTranslation("campaigns");
  const { name, wa_id, conversation_id } = recipient;
  const phone = wa_id && phoneOf(wa_id);
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={500}>
        <bdi>{name ?? phone ?? t("recipients.nameless")}</bdi>
        {name && phone && (
          <Text size="xs" c="dimmed">
            <bdi dir="ltr">{phone}</bdi>
          </Text>
        )}
      </Table.Th>
      <Table.Td>
        <MessageCell recipient={recipient} />
      </Table.Td>
      <Table.Td>
        {conversation_id && (
          <Anchor
            size="sm"
            renderRoot={(props) => <Link to="/inbox/$id" params={{ id: conversation_id }} {...props} />}
          >
            {t("recipients.open")}
          </Anchor>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

/** States of a message in the outbox and after it; the others are of messages that customers write. */
const colours = {
  queued: "gray",
  sending: "blue",
  sent: "blue",
  delivered: "teal",
  read: "teal",
  failed: "red",
  unknown: "orange",
} as const;

const isShown = (state: Schemas["MessageState"]): state is keyof typeof colours => state in colours;

function MessageCell({ recipient }: { recipient: Recipient }) {
  const { t } = useTranslation(["campaigns", "inbox"]);
  const noteOf = useNote();
  const { state, reason, message_state, note, note_code } = recipient;
  if (state === "skipped")
    return <Text size="sm">{reason ? t(`skip.${reason}`, { defaultValue: reason }) : t("skip.values")}</Text>;
  if (state === "waiting" || !message_state || !isShown(message_state))
    return (
      <Text size="sm" c="dimmed">
        {t("recipients.waiting")}
      </Text>
    );
  const said =
    message_state === "failed" || message_state === "unknown" ? noteOf({ note, note_code }) : undefined;
  return (
    <>
      <Badge variant="light" tt="none" color={colours[message_state]}>
        {t(`inbox:state.${message_state}`)}
      </Badge>
      {said && (
        <Text size="xs" c="dimmed">
          {said.text} {said.words && <bdi lang="en">{said.words}</bdi>}
        </Text>
      )}
    </>
  );
}
