// Writes to a customer first: who, where they agreed, and the template, the only message that WhatsApp takes then.
import { Modal, Select, SimpleGrid, Stack, Switch, TextInput, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, Failure, type Problem } from "@/api/client";
import { FormEnd } from "@/parts/FormEnd";
import { NoTemplateNumber } from "@/parts/NoTemplateNumber";
import { useRequestKeys } from "@/parts/requestKey";
import { Async, useReason } from "@/parts/States";
import {
  filled,
  isUnchanged,
  problemsOf,
  type Template,
  type TypedValues,
  templateKey,
} from "@/parts/template";
import { useHere } from "@/parts/useHere";
import { useTemplateNumbers } from "../numbers/templateNumbers";
import { show } from "./conversations";
import { type TemplateChoice, TemplatePicker } from "./TemplatePicker";
import { focusProblem, TemplateValues } from "./TemplateValues";

export function NewConversationDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("inbox");
  const numbers = useTemplateNumbers();
  // What is typed stays until it is sent.
  const [count, setCount] = useState(0);
  const close = (isSent: boolean) => {
    onClose();
    if (isSent) setCount(count + 1);
  };
  return (
    <Modal opened={opened} onClose={onClose} title={t("begin.title")} size="xl" keepMounted>
      <Async query={numbers} shape="form" empty={<NoTemplateNumber />}>
        {(choices) => <BeginForm key={count} numbers={choices} opened={opened} close={close} />}
      </Async>
    </Modal>
  );
}

type BeginFormProps = {
  numbers: { value: string; label: string }[];
  opened: boolean;
  close: (isSent: boolean) => void;
};

/** The fields beside which the server's problem is shown. */
const fields: Partial<Record<NonNullable<Problem["code"]>, "phone" | "optIn">> = {
  wrong_phone: "phone",
  opt_in_required: "optIn",
};

function BeginForm({ numbers, opened, close }: BeginFormProps) {
  const { t } = useTranslation(["inbox", "templates"]);
  const navigate = useNavigate();
  const here = useHere();
  const reason = useReason();
  const { keyOf } = useRequestKeys();
  const [number, setNumber] = useState(numbers.length === 1 ? numbers[0]?.value : undefined);
  const [who, setWho] = useState({ phone: "", name: "", optIn: "" });
  const [takesOver, setTakesOver] = useState(false);
  const [template, setTemplate] = useState<Template>();
  const [typed, setTyped] = useState<Readonly<Record<string, TypedValues>>>({});
  const [isAsked, setAsked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const choice = useRef<TemplateChoice>(undefined);
  const beginning = $api.useMutation("post", "/api/v1/conversations", {
    onSuccess: ({ conversation }) => {
      show(conversation);
      if (here.current) void navigate({ to: "/inbox/$id", params: { id: conversation.id }, search: {} });
      close(true);
    },
  });
  const focus = (name: string) => {
    const field = form.current?.elements.namedItem(name);
    if (field instanceof HTMLElement) field.focus();
  };
  // The dialog may have opened before its fields were there.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is what happens as it opens.
  useEffect(() => {
    if (opened) focus("phone");
  }, [opened]);
  const { error } = beginning;
  const code = error instanceof Failure ? error.problem?.code : undefined;
  const wrongField = code ? fields[code] : undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer moves the focus once.
  useEffect(() => {
    if (wrongField) focus(wrongField);
  }, [wrongField, error]);
  const values = (template && typed[templateKey(template)]) ?? {};
  const problems = template ? problemsOf(template, values) : undefined;
  const send = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    const phone = who.phone.trim();
    if (!phone) return focus("phone");
    if (beginning.isPending || !number || !template || !problems) return;
    if (!isUnchanged(template, choice.current?.current)) return;
    if (focusProblem(form.current, template, problems)) return;
    const body = {
      number_id: number,
      phone,
      name: who.name.trim() || undefined,
      opt_in: who.optIn.trim() || undefined,
      take_over: takesOver,
      template: filled(template, values).reply,
    };
    beginning.mutate({ params: { header: { "Idempotency-Key": keyOf(body) } }, body });
  };
  const field = (name: keyof typeof who) => ({
    name,
    value: who[name],
    onChange: (event: { currentTarget: { value: string } }) => {
      setWho({ ...who, [name]: event.currentTarget.value });
      if (wrongField === name) beginning.reset();
    },
  });
  const errorOf = (name: keyof typeof who) => (wrongField === name ? reason(error) : undefined);
  return (
    <form onSubmit={send} noValidate ref={form} autoComplete="off">
      <Stack>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={t("begin.phone")}
            description={t("begin.phoneAbout")}
            type="tel"
            dir="ltr"
            maxLength={40}
            required
            data-autofocus
            {...field("phone")}
            error={errorOf("phone") ?? (isAsked && !who.phone.trim() && t("begin.phoneMissing"))}
          />
          <TextInput
            label={t("begin.name")}
            description={t("begin.nameAbout")}
            dir="auto"
            maxLength={100}
            {...field("name")}
          />
        </SimpleGrid>
        <TextInput
          label={t("begin.optIn")}
          description={t("begin.optInAbout")}
          dir="auto"
          maxLength={300}
          {...field("optIn")}
          error={errorOf("optIn")}
        />
        {numbers.length > 1 && (
          <Select
            label={t("begin.number")}
            data={numbers}
            value={number ?? null}
            onChange={(next) => {
              setNumber(next ?? undefined);
              setTemplate(undefined);
            }}
            allowDeselect={false}
            required
            error={isAsked && !number && t("begin.numberMissing")}
          />
        )}
        <Switch
          label={t("begin.takeOver")}
          description={t("begin.takeOverAbout")}
          checked={takesOver}
          onChange={(event) => setTakesOver(event.currentTarget.checked)}
        />
        {number && (
          <Stack component="section" gap="xs" aria-labelledby="begin-template">
            <Title order={3} size="h4" id="begin-template">
              {t("templates:title")}
            </Title>
            <TemplatePicker
              key={number}
              number={number}
              template={template}
              choose={setTemplate}
              focused={false}
            >
              {(chosen) => {
                choice.current = chosen;
                const key = templateKey(chosen.template);
                return (
                  <TemplateValues
                    {...chosen}
                    values={values}
                    type={(name, value) => setTyped({ ...typed, [key]: { ...values, [name]: value } })}
                    problems={problems ?? new Map()}
                    isAsked={isAsked}
                  />
                );
              }}
            </TemplatePicker>
          </Stack>
        )}
        <FormEnd
          yes={t("write.send")}
          close={() => close(false)}
          busy={beginning.isPending}
          error={wrongField ? undefined : error}
          disabled={!template}
        />
      </Stack>
    </form>
  );
}
