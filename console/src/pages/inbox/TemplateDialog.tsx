// Sends a template, the only message that WhatsApp takes outside the 24-hour window: choose one, fill it, see it.
import { Button, Modal, Stack } from "@mantine/core";
import { IconTemplate } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Async, Empty, Failed, Loading } from "@/parts/States";
import { ReadTemplates } from "@/parts/TemplateFacts";
import { isSendable, templateKey } from "@/parts/template";
import { useFreshTemplates } from "@/parts/useTemplates";
import type { Conversation } from "./filter";
import { TemplateForm } from "./TemplateForm";
import { TemplateList } from "./TemplateList";

type Props = { conversation: Conversation; opened: boolean; onClose: () => void };

export function TemplateDialog({ conversation, opened, onClose }: Props) {
  const { t } = useTranslation(["inbox", "templates"]);
  // Opened again while it fades away, it begins anew.
  const [opening, setOpening] = useState({ opened, count: 0 });
  if (opening.opened !== opened) setOpening({ opened, count: opening.count + Number(opened) });
  return (
    <Modal opened={opened} onClose={onClose} title={t("inbox:closed.template")} size="xl">
      <Picker key={opening.count} conversation={conversation} close={onClose} />
    </Modal>
  );
}

function Picker({ conversation, close }: { conversation: Conversation; close: () => void }) {
  const [key, setKey] = useState<string>();
  const { query, reading, read, isUnread } = useFreshTemplates(conversation.number_id);
  return (
    <Async query={query} shape="boxes">
      {({ templates, synced_at }) => {
        const template = templates.find((one) => templateKey(one) === key && isSendable(one));
        if (template)
          return (
            <TemplateForm
              template={template}
              conversation={conversation}
              back={() => setKey(undefined)}
              close={close}
            />
          );
        if (templates.length === 0 && isUnread) return <Loading shape="boxes" />;
        return (
          <Stack>
            {reading.error && <Failed error={reading.error} />}
            {templates.length > 0 ? (
              <TemplateList templates={templates} choose={setKey} />
            ) : (
              !reading.error && <NoTemplates />
            )}
            <ReadTemplates at={synced_at} busy={reading.isPending} read={read}>
              {templates.length === 0 && <NumberLink id={conversation.number_id} />}
            </ReadTemplates>
          </Stack>
        );
      }}
    </Async>
  );
}

function NoTemplates() {
  const { t } = useTranslation("templates");
  return (
    <Empty icon={<IconTemplate />} title={t("none.title")}>
      {t("none.about")}
    </Empty>
  );
}

function NumberLink({ id }: { id: string }) {
  const { t } = useTranslation("templates");
  return (
    <Button
      renderRoot={(props) => <Link to="/numbers/$number" params={{ number: id }} {...props} />}
      size="xs"
      variant="default"
    >
      {t("none.number")}
    </Button>
  );
}
