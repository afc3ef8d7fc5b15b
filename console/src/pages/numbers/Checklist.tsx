// What a number needs to answer customers, ticked by itself as it happens.
import { Button, Group, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconCheck, IconCircleDashed } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { phoneOf } from "./phone";
import { type Provider, useWords } from "./provider";
import { host } from "./reach";
import { type Check, checksOf } from "./setup";
import { useTested } from "./tested";

const PAUSE_MS = 3_000;

/** Reads a number again and again until nothing is missing that can be done here. */
export function useProgress(number: Schemas["Number"], provider: Provider): Schemas["Number"] {
  const { data } = $api.useQuery(
    "get",
    "/api/v1/numbers/{id}",
    { params: { path: { id: number.id } } },
    {
      refetchInterval: ({ state }) =>
        checksOf(state.data ?? number, provider).every(({ done, step }) => done || !step) ? false : PAUSE_MS,
    },
  );
  return data ?? number;
}

type Props = {
  number: Schemas["Number"];
  provider: Provider;
  /** Only these; otherwise all. */
  only?: Check["what"][];
};

/** It is as new as the number: see `useProgress`. */
export function Checklist({ number, provider, only }: Props) {
  const { t } = useTranslation("numbers");
  const shown = checksOf(number, provider, useTested(number.id)).filter(
    ({ what }) => !only || only.includes(what),
  );
  return (
    <Stack
      component="ul"
      gap="sm"
      p={0}
      m={0}
      style={{ listStyle: "none" }}
      aria-label={t("check.list")}
      aria-live="polite"
      data-testid="checklist"
    >
      {shown.map((check) => (
        <Row key={check.what} check={check} number={number} provider={provider} />
      ))}
    </Stack>
  );
}

function Row({ check, number, provider }: { check: Check } & Omit<Props, "only">) {
  const { t } = useTranslation("numbers");
  const format = useFormat();
  const { brand } = useWords(provider);
  const { what, done, at } = check;
  const names = {
    provider: brand(provider),
    phone: phoneOf(number),
    name: number.verified_name ?? "",
    host: host(number.webhook_url),
  };
  return (
    <Group component="li" gap="sm" wrap="nowrap" align="flex-start" data-done={done} data-check={what}>
      <ThemeIcon size={22} radius="xl" variant="light" color={done ? "teal" : "gray"} mt={1}>
        {done ? (
          <IconCheck size={14} role="img" aria-label={t("check.done")} />
        ) : (
          <IconCircleDashed size={14} role="img" aria-label={t("check.open")} />
        )}
      </ThemeIcon>
      <div>
        <Text size="sm" fw={500}>
          {t(`check.${what}.${done ? "done" : "open"}`, names)}
        </Text>
        {done
          ? at && (
              <Text size="xs" c="dimmed">
                {format.ago(at)}
              </Text>
            )
          : !provider.practice && (
              <Text size="sm" c="dimmed">
                {t(
                  number.connection && what === "received" ? "check.received.linked" : `check.${what}.todo`,
                  names,
                )}
              </Text>
            )}
      </div>
    </Group>
  );
}

/** Leads back into the set-up of a number that lacks something. */
export function UnfinishedSetup({
  number: first,
  provider,
  step,
}: Omit<Props, "only"> & { step: Check["step"] }) {
  const { t } = useTranslation("numbers");
  const number = useProgress(first, provider);
  return (
    <Stack>
      <Checklist number={number} provider={provider} />
      <Button
        w="fit-content"
        renderRoot={(props) => (
          <Link to="/numbers/$number" params={{ number: number.id }} search={{ step }} {...props} />
        )}
      >
        {t("step.resume")}
      </Button>
    </Stack>
  );
}
