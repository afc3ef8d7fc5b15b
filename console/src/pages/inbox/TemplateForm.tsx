// Fills a template: a field for each of its values, and beside them what the customer will read.
import { Alert, Button, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { IconAlertTriangle, IconArrowLeft } from "@tabler/icons-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { FormEnd } from "@/parts/FormEnd";
import { Obstacle } from "@/parts/TemplateFacts";
import {
  filled,
  isSame,
  isSendable,
  linkBeginning,
  parameterKey,
  problemsOf,
  type Template,
  type TemplateParameter,
  type TypedValues,
  type ValueProblem,
} from "@/parts/template";
import type { Conversation } from "./filter";
import { sendTemplate } from "./sending";
import { TemplateHead } from "./TemplateList";
import { TemplatePreview } from "./TemplatePreview";
import thread from "./thread.module.css";

/** Returns a function that names a value by where it stands. */
function useLabel({ layout }: Template) {
  const { t } = useTranslation("templates");
  return ({ part, name }: TemplateParameter): string => {
    if (part === "button") return t("field.button", { label: layout.buttons[Number(name)]?.text ?? "" });
    if (!layout.named) return t(part === "header" ? "field.header" : "field.body", { name });
    return part === "header" ? t("field.headerNamed", { name }) : name;
  };
}

function useProblemText() {
  const { t } = useTranslation("templates");
  const format = useFormat();
  return (problem: ValueProblem): string =>
    problem.kind === "tooLong"
      ? t(`problem.tooLong.${problem.part}`, {
          length: format.count(problem.length),
          most: format.count(problem.most),
        })
      : t(`problem.${problem.kind}`);
}

type Props = {
  /** The template as it was chosen. */
  template: Template;
  /** The same as it was last read from WhatsApp; undefined: it is gone. */
  current: Template | undefined;
  /** Takes it as it is now. */
  renew: (current: Template) => void;
  conversation: Conversation;
  optedOut: boolean;
  /** What was typed before. */
  draft: TypedValues | undefined;
  /** Keeps what is typed; undefined: it was sent. */
  keep: (values: TypedValues | undefined) => void;
  back: () => void;
  close: () => void;
};

export function TemplateForm(props: Props) {
  const { template, current, renew, conversation, optedOut, draft, keep, back, close } = props;
  const { t } = useTranslation(["templates", "inbox"]);
  const [values, setValues] = useState<TypedValues>(draft ?? {});
  // A value is missed only once a person wants to send.
  const [isAsked, setAsked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  // The form stays on the page while its dialog fades away: it sends only once.
  const isSent = useRef(false);
  const [busy, setBusy] = useState(false);
  const isBlocked = optedOut || !current || !isSendable(current) || !isSame(current, template);
  const labelOf = useLabel(template);
  const textOf = useProblemText();
  const problems = problemsOf(template, values);
  // What was chosen is gone from the page: its first field goes on, or what will be sent, as the Enter that chose it must
  // not send it.
  useEffect(() => form.current?.querySelector<HTMLElement>("input, section")?.focus(), []);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (isSent.current || isBlocked) return;
    setAsked(true);
    const wrong = template.parameters.find((one) => problems.has(parameterKey(one)));
    if (wrong) {
      const field = form.current?.elements.namedItem(parameterKey(wrong));
      if (field instanceof HTMLElement) field.focus();
      return;
    }
    isSent.current = true;
    setBusy(true);
    const { reply, text, buttons } = filled(template, values);
    sendTemplate(conversation.id, text, { ...reply, buttons });
    keep(undefined);
    close();
  };
  const type = (key: string, value: string) => {
    const typed = { ...values, [key]: value };
    setValues(typed);
    keep(typed);
  };
  const show = (changed: Template) => {
    renew(changed);
    // The button is gone with its notice.
    form.current?.querySelector<HTMLElement>("section")?.focus();
  };
  const errorOf = (key: string) => {
    const problem = problems.get(key);
    return problem && (isAsked || problem.kind !== "missing") ? textOf(problem) : undefined;
  };
  return (
    <form onSubmit={send} noValidate ref={form} autoComplete="off">
      <Stack>
        <div>
          <Button
            variant="subtle"
            size="compact-sm"
            mb={6}
            leftSection={<IconArrowLeft size={16} className={thread.mirrored} aria-hidden />}
            onClick={back}
          >
            {t("form.other")}
          </Button>
          <div>
            <TemplateHead template={template} />
          </div>
        </div>
        <ChangeNotice template={template} current={current} renew={show} />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Stack gap="sm">
            {template.parameters.length === 0 && <Text size="sm">{t("form.plain")}</Text>}
            {template.parameters.map((one) => {
              const key = parameterKey(one);
              const address = linkBeginning(template, one);
              return (
                <TextInput
                  key={key}
                  name={key}
                  label={<bdi>{labelOf(one)}</bdi>}
                  description={address && <bdi dir="ltr">{address}</bdi>}
                  value={values[key] ?? ""}
                  onChange={(event) => type(key, event.currentTarget.value)}
                  error={errorOf(key)}
                  dir="auto"
                  required
                />
              );
            })}
          </Stack>
          <TemplatePreview template={template} values={values} labelOf={labelOf} />
        </SimpleGrid>
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

/** What has become of the chosen template. */
function ChangeNotice({ template, current, renew }: Pick<Props, "template" | "current" | "renew">) {
  const { t } = useTranslation("templates");
  if (current && isSendable(current) && isSame(current, template)) return null;
  return (
    <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} title={t("changed.title")}>
      {!current && t("obstacle.deleted")}
      {current && !isSendable(current) && <Obstacle template={current} />}
      {current && isSendable(current) && (
        <>
          <Text size="sm">{t("changed.about")}</Text>
          <Button size="xs" variant="default" mt="xs" onClick={() => renew(current)}>
            {t("changed.show")}
          </Button>
        </>
      )}
    </Alert>
  );
}
