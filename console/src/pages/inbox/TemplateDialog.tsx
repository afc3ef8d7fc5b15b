// Sends a template, the only message that WhatsApp takes outside the 24-hour window: choose one, fill it, see it.
import { Alert, Modal, Stack } from "@mantine/core";
import { IconBan, IconMessageCircle } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Template, type TypedValues, templateKey } from "@/parts/template";
import type { Conversation } from "./filter";
import { TemplateForm } from "./TemplateForm";
import { TemplatePicker } from "./TemplatePicker";
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
  const [template, setTemplate] = useState<Template>();
  return (
    <TemplatePicker number={conversation.number_id} template={template} choose={setTemplate}>
      {(choice) => {
        const key = templateKey(choice.template);
        return (
          <TemplateForm
            {...choice}
            conversation={conversation}
            optedOut={optedOut}
            draft={drafts.get(key)}
            keep={(values) => (values ? drafts.set(key, values) : drafts.delete(key))}
            close={close}
          />
        );
      }}
    </TemplatePicker>
  );
}
