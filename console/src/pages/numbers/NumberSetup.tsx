// A step of a number's set-up on its own page: its fields, the callback, the test message, and the end.
import { Alert, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Callback, Handshake } from "./Callback";
import { Checklist, useProgress } from "./Checklist";
import { EditNumber } from "./EditNumber";
import { Finish } from "./Finish";
import { isLinked } from "./link";
import { Needs } from "./Needs";
import { LinkControls } from "./PhoneLink";
import { waAddress } from "./phone";
import { type Provider, parted, useWords } from "./provider";
import { host } from "./reach";
import { SetupSteps, StepPlace } from "./SetupSteps";
import { Steps } from "./Steps";
import { isConnected, openStep, type SetupStep, stepName, stepsOf } from "./setup";
import { TestMessage } from "./TestMessage";
import { useTested } from "./tested";

type Props = { number: Schemas["Number"]; provider: Provider };

export function NumberSetup({ number: first, provider, step }: Props & { step: SetupStep }) {
  const { t } = useTranslation(["numbers", "common"]);
  const navigate = useNavigate();
  const number = useProgress(first, provider);
  const show = (next: SetupStep) =>
    void navigate({ to: "/numbers/$number", params: { number: number.id }, search: { step: next } });
  const connected = isLinked(number) && isConnected(number, provider);
  const tested = useTested(number.id);
  const tried = tested || !!number.last_sent_at || !!number.last_inbound_at;
  const finished = {
    need: true,
    fields: true,
    callback: connected,
    test: tried,
    finish: !openStep(number, provider, tested),
  };
  const steps = stepsOf(provider);
  const place = steps.indexOf(step);
  const [before, after] = [steps[place - 1], steps[place + 1]];
  const skipped = (step === "callback" && !connected) || (step === "test" && !tried);
  return (
    <Stack component="section" aria-label={t("page.setup")}>
      <SetupSteps
        provider={provider}
        active={step}
        reached={() => true}
        finished={(one) => finished[one]}
        show={show}
      />
      <Paper withBorder p={{ base: "md", sm: "lg" }}>
        <Stack>
          {step !== "finish" && (
            <div>
              <StepPlace provider={provider} active={step} />
              <Title order={2}>{t(`step.${stepName(step, provider)}`)}</Title>
            </div>
          )}
          {step === "need" && (
            <>
              <Needs provider={provider} />
              <Steps provider={provider} steps={parted(provider).before} />
            </>
          )}
          {step === "fields" && <EditNumber number={number} provider={provider} />}
          {step === "callback" &&
            (number.connection ? (
              <PhoneStep number={number} connection={number.connection} provider={provider} />
            ) : (
              <Callback number={number} provider={provider} />
            ))}
          {step === "test" && <Test number={number} provider={provider} show={show} />}
          {step === "finish" && <Finish number={number} provider={provider} show={show} />}
          {step !== "finish" && (
            <Group justify="space-between">
              <Button
                variant="subtle"
                renderRoot={(props) => (
                  <Link to="/numbers/$number" params={{ number: number.id }} search={{}} {...props} />
                )}
              >
                {t("step.stop")}
              </Button>
              <Group gap="sm">
                {before && (
                  <Button variant="default" onClick={() => show(before)}>
                    {t("common:action.back")}
                  </Button>
                )}
                {after && (
                  <Button variant={skipped ? "default" : "filled"} onClick={() => show(after)}>
                    {t(skipped ? "callback.skip" : "step.next")}
                  </Button>
                )}
              </Group>
            </Group>
          )}
        </Stack>
      </Paper>
    </Stack>
  );
}

/** The phone is linked, and the provider's server reaches this desk. */
function PhoneStep({ number, connection, provider }: Props & { connection: Schemas["NumberConnection"] }) {
  const { t } = useTranslation("numbers");
  const { brand } = useWords(provider);
  return (
    <Stack>
      <LinkControls number={number} connection={connection} />
      {isLinked(number) && (
        <>
          <Handshake number={number} title={brand(provider)} />
          {!isConnected(number, provider) && (
            <Text size="sm">{t("check.called.todo", { host: host(number.webhook_url) })}</Text>
          )}
        </>
      )}
    </Stack>
  );
}

/** Both ways of a message: one that is written to the number, and one that is sent from it. */
function Test({ number, provider, show }: Props & { show: (step: SetupStep) => void }) {
  const { t } = useTranslation("numbers");
  const { brand } = useWords(provider);
  const address = waAddress(number.display);
  const uncalled = number.connection ? "link.uncalled" : "callback.missing";
  const missing = !isLinked(number) ? "link.missing" : !isConnected(number, provider) ? uncalled : undefined;
  return (
    <Stack gap="lg">
      {missing && (
        <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} data-testid="uncalled">
          <Stack gap="xs" align="flex-start">
            {t(missing, { provider: brand(provider), host: host(number.webhook_url) })}
            <Button size="xs" variant="default" onClick={() => show("callback")}>
              {t(`step.${stepName("callback", provider)}`)}
            </Button>
          </Stack>
        </Alert>
      )}
      <Part title={t(provider.practice ? "step.test" : "test.outTitle")}>
        <TestMessage number={number} provider={provider} />
      </Part>
      {!provider.practice && (
        <Part title={t("test.inTitle")}>
          <Text size="sm">{t("test.inAbout")}</Text>
          {address && (
            <Button
              component="a"
              href={address}
              target="_blank"
              rel="noopener noreferrer"
              variant="default"
              w="fit-content"
            >
              {t("next.write.title")}
            </Button>
          )}
          <Checklist number={number} provider={provider} only={["received"]} />
        </Part>
      )}
    </Stack>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Stack component="section" aria-label={title} gap="sm">
      <Title order={3}>{title}</Title>
      {children}
    </Stack>
  );
}
