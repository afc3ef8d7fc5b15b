// The end of the set-up: what works now, what to do next, and what is still missing.
import { Alert, Button, Card, Group, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconBrandWhatsapp, IconCircleCheck, IconInbox, IconMessageChatbot } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useAgentNames } from "@/parts/agentName";
import { sends } from "@/parts/numberState";
import { Checklist } from "./Checklist";
import { ConnectButton } from "./ConnectButton";
import { isBlocked } from "./findings";
import { isLinked } from "./link";
import { phoneOf, waAddress } from "./phone";
import type { Provider } from "./provider";
import { openStep, type SetupStep } from "./setup";
import { useTested } from "./tested";

type Props = {
  number: Schemas["Number"];
  provider: Provider;
  show: (step: SetupStep) => void;
};

export function Finish({ number, provider, show }: Props) {
  const { t } = useTranslation("numbers");
  const agentNamed = useAgentNames();
  const missing = openStep(number, provider, useTested(number.id));
  const works = !missing && !!number.agent && sends(number) && !isBlocked(number);
  const said = {
    phone: phoneOf(number),
    agent: number.agent ? `\u2068${agentNamed(number.agent)}\u2069` : "",
  };
  return (
    <Stack gap="lg" data-testid="finish">
      {works ? (
        <Alert
          color="teal"
          icon={<IconCircleCheck aria-hidden />}
          title={<Title order={2}>{t("finish.works")}</Title>}
          role="status"
        >
          {number.agent
            ? t(provider.practice ? "finish.practice" : "finish.answered", said)
            : t("row.noAgent")}
        </Alert>
      ) : (
        <div>
          <Title order={2}>{t("finish.almost")}</Title>
          <Text size="sm" c="dimmed">
            {number.agent ? t("finish.almostAbout", said) : t("row.noAgent")}
          </Text>
        </div>
      )}
      <section aria-labelledby="checks">
        <Title order={3} id="checks" mb="sm">
          {t("check.list")}
        </Title>
        <Checklist number={number} provider={provider} />
        <Group mt="md" gap="xs">
          {!isLinked(number) && <ConnectButton number={number} />}
          {missing && isLinked(number) && <Button onClick={() => show(missing)}>{t("step.resume")}</Button>}
        </Group>
      </section>
      <NextSteps number={number} provider={provider} show={show} />
      <Group justify="flex-end">
        <Button
          variant={works ? "filled" : "default"}
          renderRoot={(props) => <Link to="/numbers" {...props} />}
        >
          {t(works ? "step.done" : "step.stop")}
        </Button>
      </Group>
    </Stack>
  );
}

function NextSteps({ number, provider, show }: Props) {
  const { t } = useTranslation("numbers");
  const address = waAddress(number.display);
  return (
    <section aria-labelledby="next">
      <Title order={3} id="next" mb="sm">
        {t("next.title")}
      </Title>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
        {provider.practice ? (
          <Choice
            icon={<IconMessageChatbot size={18} />}
            what="practice"
            root={(props) => <button type="button" onClick={() => show("test")} {...props} />}
          />
        ) : (
          address && (
            <Choice
              icon={<IconBrandWhatsapp size={18} />}
              what="write"
              detail={address.replace("https://", "")}
              root={(props) => <a href={address} target="_blank" rel="noopener noreferrer" {...props} />}
            />
          )
        )}
        <Choice
          icon={<IconInbox size={18} />}
          what="inbox"
          root={(props) => <Link to="/inbox" {...props} />}
        />
        <Choice
          icon={<IconMessageChatbot size={18} />}
          what="sandbox"
          root={(props) => <Link to="/sandbox" search={{ agent: number.agent ?? undefined }} {...props} />}
        />
      </SimpleGrid>
    </section>
  );
}

type ChoiceProps = {
  icon: ReactNode;
  what: "write" | "inbox" | "sandbox" | "practice";
  detail?: string;
  root: (props: Record<string, unknown>) => ReactNode;
};

function Choice({ icon, what, detail, root }: ChoiceProps) {
  const { t } = useTranslation("numbers");
  return (
    <Card withBorder padding="md" renderRoot={root}>
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <ThemeIcon variant="light" size="md" aria-hidden>
          {icon}
        </ThemeIcon>
        <div>
          <Text size="sm" fw={600}>
            {t(`next.${what}.title`)}
          </Text>
          <Text size="sm" c="dimmed">
            {t(`next.${what}.about`)}
          </Text>
          {detail && (
            <Text size="sm">
              <bdi dir="ltr">{detail}</bdi>
            </Text>
          )}
        </div>
      </Group>
    </Card>
  );
}
