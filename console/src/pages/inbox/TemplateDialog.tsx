// Sends a template, the only message that WhatsApp takes outside the 24-hour window: choose one, fill it, see it.
import { Alert, Button, Modal, Stack } from "@mantine/core";
import { IconBan, IconMessageCircle, IconTemplate } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Async, Empty, Failed, Loading } from "@/parts/States";
import { ReadTemplates } from "@/parts/TemplateFacts";
import { type Template, type TypedValues, templateKey } from "@/parts/template";
import { useFreshTemplates } from "@/parts/useTemplates";
import type { Conversation } from "./filter";
import { TemplateForm } from "./TemplateForm";
import { TemplateList } from "./TemplateList";
import type { Window } from "./window";

type Props = { conversation: Conversation; window: Window; opened: boolean; onClose: () => void };

export function TemplateDialog({ conversation, window, opened, onClose }: Props) {
  const { t } = useTranslation(["inbox", "templates"]);
  // What is typed into a template stays until it is sent, by the key of the template.
  const [drafts] = useState(() => new Map<string, TypedValues>());
  // Opened again while it fades away, it begins anew.
  const [opening, setOpening] = useState({ opened, count: 0 });
  if (opening.opened !== opened) setOpening({ opened, count: opening.count + Number(opened) });
  return (
    <Modal opened={opened} onClose={onClose} title={t("inbox:closed.template")} size="xl">
      <Stack>
        <WindowNotice kind={window.kind} />
        <Picker
          key={opening.count}
          conversation={conversation}
          optedOut={window.kind === "optedOut"}
          drafts={drafts}
          close={onClose}
        />
      </Stack>
    </Modal>
  );
}

/** What the customer did while a template was chosen. */
function WindowNotice({ kind }: { kind: Window["kind"] }) {
  const { t } = useTranslation("templates");
  if (kind === "open")
    return (
      <Alert color="teal" icon={<IconMessageCircle aria-hidden />}>
        {t("written")}
      </Alert>
    );
  if (kind !== "optedOut") return null;
  return (
    <Alert color="red" icon={<IconBan aria-hidden />}>
      {t("optedOut")}
    </Alert>
  );
}

type PickerProps = {
  conversation: Conversation;
  optedOut: boolean;
  drafts: Map<string, TypedValues>;
  close: () => void;
};

function Picker({ conversation, optedOut, drafts, close }: PickerProps) {
  // It stays as it was chosen, whatever is read meanwhile.
  const [template, setTemplate] = useState<Template>();
  const { query, reading, read, isUnread } = useFreshTemplates(conversation.number_id);
  return (
    <Async query={query} shape="boxes">
      {({ templates, synced_at }) => {
        if (template) {
          const key = templateKey(template);
          return (
            <TemplateForm
              template={template}
              current={templates.find((one) => templateKey(one) === key)}
              renew={setTemplate}
              conversation={conversation}
              optedOut={optedOut}
              draft={drafts.get(key)}
              keep={(values) => (values ? drafts.set(key, values) : drafts.delete(key))}
              back={() => setTemplate(undefined)}
              close={close}
            />
          );
        }
        if (templates.length === 0 && isUnread) return <Loading shape="boxes" />;
        return (
          <Stack>
            {reading.error && <Failed error={reading.error} />}
            {templates.length > 0 ? (
              <TemplateList templates={templates} choose={setTemplate} />
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
