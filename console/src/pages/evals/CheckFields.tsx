// The checks of a case: what must hold of the bot's answer, each with its value.
import {
  ActionIcon,
  Autocomplete,
  Button,
  Code,
  Group,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { LANGUAGES, useLanguageNames } from "@/parts/languages";
import { checkYaml } from "./caseYaml";
import { type Check, fieldOf, isUnfilled, type Kind, kindOf, kinds, newCheck, textOf } from "./checks";

/** Maximum number of checks of a case. */
const MAX_CHECKS = 20;

type Props = {
  checks: Check[];
  onChange: (checks: Check[]) => void;
  /** The agent whose documents are suggested. */
  agent: string;
  /** Whether missing values are marked. */
  isTried: boolean;
};

export function CheckFields({ checks, onChange, agent, isTried }: Props) {
  const { t } = useTranslation("evals");
  const put = (at: number, check: Check) =>
    onChange(checks.map((one, place) => (place === at ? check : one)));
  return (
    <Stack gap="sm" component="fieldset" p={0} m={0} style={{ border: 0, minWidth: 0 }}>
      <Text component="legend" size="sm" fw={600} p={0} mb={6}>
        {t("form.checks")}
      </Text>
      {checks.map((check, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a check is nothing but its place and its words.
        <Group key={at} gap={4} wrap="nowrap" align="flex-start">
          <Stack gap={6} flex={1} miw={0}>
            <One check={check} place={at + 1} onChange={(next) => put(at, next)} {...{ agent, isTried }} />
          </Stack>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={36}
            onClick={() => onChange(checks.filter((_, place) => place !== at))}
            aria-label={t("form.removeCheck", { place: at + 1 })}
          >
            <IconX size={18} />
          </ActionIcon>
        </Group>
      ))}
      {isTried && checks.length === 0 && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {t("form.noChecks")}
        </Text>
      )}
      {checks.length < MAX_CHECKS && (
        <Button
          variant="subtle"
          size="xs"
          w="fit-content"
          leftSection={<IconPlus size={16} aria-hidden />}
          onClick={() => onChange([...checks, newCheck("icontains")])}
        >
          {t("form.addCheck")}
        </Button>
      )}
    </Stack>
  );
}

type OneProps = Pick<Props, "agent" | "isTried"> & {
  check: Check;
  /** Counted from 1. */
  place: number;
  onChange: (check: Check) => void;
};

function One({ check, place, agent, isTried, onChange }: OneProps) {
  const { t } = useTranslation("evals");
  const kind = kindOf(check);
  if (!kind)
    return (
      <>
        <Code block dir="ltr" ta="start" tabIndex={0} role="group" aria-label={t("form.check", { place })}>
          {checkYaml(check)}
        </Code>
        <Text size="xs" c="dimmed">
          {t("form.kept")}
        </Text>
      </>
    );
  return (
    <>
      <Select
        aria-label={t("form.check", { place })}
        data={kinds.map((one) => ({ value: one, label: t(`check.${one}`) }))}
        value={kind}
        onChange={(next) => {
          const chosen = kinds.find((one) => one === next);
          if (chosen) onChange(changed(check, chosen));
        }}
        allowDeselect={false}
        maxDropdownHeight={320}
      />
      <Value
        kind={kind}
        agent={agent}
        value={textOf(check)}
        onChange={(value) => onChange({ ...check, value })}
        error={isTried && isUnfilled(check) && t("form.missing")}
      />
      {kind === "llm-rubric" && (
        <Text size="xs" c="dimmed">
          {t("form.grader")}
        </Text>
      )}
    </>
  );
}

/** The check as one of another kind. Its text stays where the new kind takes one, too. */
function changed(check: Check, kind: Kind): Check {
  const before = kindOf(check);
  const texts = ["line", "text"];
  const stays = before && texts.includes(fieldOf(before)) && texts.includes(fieldOf(kind));
  return stays ? { ...newCheck(kind), value: textOf(check) } : newCheck(kind);
}

type ValueProps = {
  kind: Kind;
  agent: string;
  value: string;
  onChange: (value: string) => void;
  error: string | false;
};

function Value({ kind, agent, value, onChange, error }: ValueProps) {
  const { t } = useTranslation("evals");
  const label = t(`check.${kind}`);
  switch (fieldOf(kind)) {
    case "none":
      return null;
    case "language":
      return <Language label={label} value={value} onChange={onChange} error={error} />;
    case "document":
      return <Document label={label} agent={agent} value={value} onChange={onChange} error={error} />;
    case "line":
      return (
        <TextInput
          aria-label={label}
          value={value}
          onChange={(event) => onChange(event.currentTarget.value)}
          error={error}
          dir="auto"
        />
      );
    case "text":
      return (
        <Textarea
          aria-label={label}
          value={value}
          onChange={(event) => onChange(event.currentTarget.value)}
          error={error}
          autosize
          minRows={2}
          maxRows={8}
          dir="auto"
        />
      );
  }
}

type FieldProps = Omit<ValueProps, "kind" | "agent"> & { label: string };

function Language({ label, value, onChange, error }: FieldProps) {
  const name = useLanguageNames();
  const codes = [...new Set([...LANGUAGES, value].filter(Boolean))];
  return (
    <Select
      aria-label={label}
      data={codes.map((code) => ({ value: code, label: name(code) }))}
      value={value || null}
      onChange={(next) => next && onChange(next)}
      error={error}
      searchable
      maxDropdownHeight={280}
    />
  );
}

/** A document's file name, with those suggested that the agent answers from. */
function Document({ label, agent, value, onChange, error }: FieldProps & { agent: string }) {
  const collections = $api.useQuery("get", "/api/v1/collections");
  const used = collections.data?.filter(({ agents }) => agents.includes(agent)) ?? [];
  const documents = useQueries({
    queries: used.map(({ slug }) =>
      $api.queryOptions("get", "/api/v1/collections/{name}/documents", {
        params: { path: { name: slug }, query: { limit: 200 } },
      }),
    ),
    combine: (all) => all.flatMap(({ data }) => data?.items ?? []),
  });
  const paths = useMemo(() => [...new Set(documents.map(({ path }) => path))], [documents]);
  return (
    <Autocomplete
      aria-label={label}
      data={paths}
      value={value}
      onChange={onChange}
      error={error}
      limit={20}
      maxDropdownHeight={240}
      dir="auto"
    />
  );
}
