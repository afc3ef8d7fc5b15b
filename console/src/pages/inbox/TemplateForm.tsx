// Fills a template and sends it into a conversation.
import { Stack, Text } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { FormEnd } from "@/parts/FormEnd";
import { filled, headerFile, isUnchanged, problemsOf, type TypedValues } from "@/parts/template";
import type { Conversation } from "./filter";
import { sendTemplate } from "./sending";
import type { TemplateChoice } from "./TemplatePicker";
import { focusProblem, TemplateValues } from "./TemplateValues";

type Props = TemplateChoice & {
  conversation: Conversation;
  optedOut: boolean;
  /** What was typed before. */
  draft: TypedValues | undefined;
  /** Keeps what is typed; undefined: it was sent. */
  keep: (values: TypedValues | undefined) => void;
  close: () => void;
};

export function TemplateForm({ conversation, optedOut, draft, keep, close, ...choice }: Props) {
  const { template, current } = choice;
  const { t } = useTranslation(["templates", "inbox"]);
  const [values, setValues] = useState<TypedValues>(draft ?? {});
  const [file, setFile] = useState<File>();
  const [isAsked, setAsked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  // The form stays on the page while its dialog fades away: it sends only once.
  const isSent = useRef(false);
  const [busy, setBusy] = useState(false);
  const isBlocked = optedOut || !isUnchanged(template, current);
  const problems = problemsOf(template, values);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (isSent.current || isBlocked) return;
    setAsked(true);
    const isMissing = !!headerFile(template) && !file;
    if (focusProblem(form.current, template, problems) || isMissing) return;
    isSent.current = true;
    setBusy(true);
    const { reply, text, buttons } = filled(template, values);
    sendTemplate(conversation.id, text, { ...reply, buttons }, headerFile(template) ? file : undefined);
    keep(undefined);
    close();
  };
  const type = (key: string, value: string) => {
    const typed = { ...values, [key]: value };
    setValues(typed);
    keep(typed);
  };
  return (
    <form onSubmit={send} noValidate ref={form} autoComplete="off">
      <Stack>
        <TemplateValues
          {...choice}
          values={values}
          type={type}
          problems={problems}
          isAsked={isAsked}
          file={{ chosen: file, choose: setFile }}
        />
        {conversation.owner === "bot" && (
          <Text size="sm" c="dimmed">
            {t("form.takesOver")}
          </Text>
        )}
        <FormEnd
          yes={t("inbox:write.send")}
          close={close}
          busy={busy}
          error={undefined}
          disabled={isBlocked}
        />
      </Stack>
    </form>
  );
}
