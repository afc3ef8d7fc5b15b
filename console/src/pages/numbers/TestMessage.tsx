// Sends a test message to the user's own phone and shows the provider's response.
import { Alert, Button, Radio, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconAlertTriangle, IconCircleCheck, IconSend } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { Failed } from "@/parts/States";
import { hasTemplates, type Provider, useWords } from "./provider";
import { keepTested } from "./tested";

type Props = { number: Schemas["Number"]; provider: Provider };

export function TestMessage({ number, provider }: Props) {
  const { t } = useTranslation("numbers");
  const { brand } = useWords(provider);
  const title = brand(provider);
  const { practice } = provider;
  const hasSample = hasTemplates(provider);
  const trying = $api.useMutation("post", "/api/v1/numbers/{id}/test", {
    onSuccess: ({ ok }) => {
      if (ok && !practice) keepTested(number.id);
      reread("/api/v1/numbers", "/api/v1/numbers/{id}");
    },
  });
  const form = useForm({
    initialValues: { to: "", what: hasSample ? "template" : "own", text: "" },
    validate: {
      to: (to) => (/^\+?[\d\s().-]{7,24}$/.test(to.trim()) ? null : t("test.toWrong")),
      text: (text) => (practice && !text.trim() ? t("form.missing") : null),
    },
  });
  const own = form.values.what === "own";
  const send = form.onSubmit(({ to, text }) =>
    trying.mutate({
      params: { path: { id: number.id } },
      body: own
        ? { to: to.trim(), text: text.trim() || undefined, incoming: practice }
        : { to: to.trim(), template: true },
    }),
  );
  return (
    <form onSubmit={send} noValidate>
      <Stack maw={520}>
        <Text size="sm">{t(practice ? "test.practice" : "test.about")}</Text>
        <TextInput
          label={t(practice ? "test.from" : "test.to")}
          description={t("test.toAbout")}
          type="tel"
          autoComplete="tel"
          dir="ltr"
          required
          {...form.getInputProps("to")}
        />
        {hasSample && (
          <Radio.Group label={t("test.what")} {...form.getInputProps("what")}>
            <Stack gap="xs" mt={6}>
              <Radio value="template" label={t("test.template")} description={t("test.templateAbout")} />
              <Radio value="own" label={t("test.own")} description={t("test.ownAbout")} />
            </Stack>
          </Radio.Group>
        )}
        {own && (
          <Textarea
            label={t("test.text")}
            placeholder={t("test.textPlaceholder")}
            autosize
            minRows={2}
            maxLength={1_000}
            dir="auto"
            {...form.getInputProps("text")}
          />
        )}
        <Button
          type="submit"
          w="fit-content"
          leftSection={<IconSend size={18} className="flip" aria-hidden />}
          loading={trying.isPending}
        >
          {t("test.send")}
        </Button>
        {trying.error && <Failed error={trying.error} />}
        {trying.data && !trying.isPending && (
          <TestResult said={trying.data} title={title} hasSample={hasSample} />
        )}
      </Stack>
    </form>
  );
}

type ResultProps = { said: Schemas["NumberTried"]; title: string; hasSample: boolean };

function TestResult({ said, title, hasSample }: ResultProps) {
  const { t } = useTranslation("numbers");
  // What a text may reach is limited where there are templates.
  const code = said.code === "accepted_text" && !hasSample ? "accepted" : said.code;
  return (
    <Alert
      color={said.ok ? "teal" : "red"}
      role={said.ok ? "status" : "alert"}
      icon={said.ok ? <IconCircleCheck aria-hidden /> : <IconAlertTriangle aria-hidden />}
      title={t(said.ok ? "test.sent" : "test.refused", { provider: title })}
      data-testid="tried"
    >
      {/* A newer server may send a code that this page does not know. */}
      {t(`test.code.${code}`, { defaultValue: said.message })}
      {said.fault && (
        <bdi lang="en" dir="ltr">
          {` (${said.fault.code} ${said.fault.title})`}
        </bdi>
      )}
    </Alert>
  );
}
