// The cases that are written in a suite: searched, and in a suite of saved cases edited and deleted.
import { ActionIcon, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconChecklist, IconPencil, IconSearch, IconSearchOff, IconTrash } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { Empty } from "@/parts/States";
import { useRemoval } from "@/parts/useRemoval";
import type { SuiteCase } from "./CaseForm";
import { CheckSentences } from "./CheckSentences";
import { firstWords } from "./caseYaml";
import { textOf } from "./checks";

type Case = Schemas["SuiteCase"];
type Props = {
  suite: string;
  cases: Case[];
  /** Undefined where the cases are the owner's file. */
  edit?: (placed: SuiteCase) => void;
  /** Called when the last case is deleted, and the suite with it. */
  onGone: () => void;
};

/** Whether the words are in the case's title, message or checks, ignoring case. */
function isFound({ title, form }: Case, words: string): boolean {
  const texts = [title, form?.text ?? "", ...(form?.checks ?? []).map(textOf)];
  return texts.some((text) => text.toLocaleLowerCase().includes(words.toLocaleLowerCase()));
}

export function SuiteCases({ suite, cases, edit, onGone }: Props) {
  const { t } = useTranslation("evals");
  const [words, setWords] = useState("");
  const placed = cases.map((one, at) => ({ ...one, at }));
  const shown = placed.filter((one) => isFound(one, words.trim()));
  if (cases.length === 0)
    return (
      <Empty title={t("suite.none")} icon={<IconChecklist />}>
        {t("suite.noneAbout")}
      </Empty>
    );
  return (
    <Stack gap="sm">
      <Group gap="sm" align="flex-end">
        <TextInput
          label={t("suite.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          dir="auto"
          flex="1 1 200px"
          maw={360}
        />
        <Text size="sm" c="dimmed" role="status" pb={8}>
          {t("cases.shown", { count: shown.length })}
        </Text>
      </Group>
      {shown.length === 0 && (
        <Empty title={t("cases.noneFound")} icon={<IconSearchOff />}>
          {t("cases.noneFoundAbout")}
        </Empty>
      )}
      <Stack component="ul" gap="xs" m={0} p={0} style={{ listStyle: "none" }}>
        {shown.map(({ at, title, hash, form }) => (
          <One key={`${at} ${hash}`} title={title} hash={hash} form={form}>
            {edit && (
              <Actions
                suite={suite}
                at={at}
                title={title}
                hash={hash}
                isLast={cases.length === 1}
                edit={form ? () => edit({ at, hash, title, form }) : undefined}
                onGone={onGone}
              />
            )}
          </One>
        ))}
      </Stack>
    </Stack>
  );
}

function One({ title, form, children }: Case & { children?: ReactNode }) {
  const { t } = useTranslation("evals");
  // Else it is the message, cut.
  const isOwnTitle = !form || title !== firstWords(form.text);
  return (
    <Paper withBorder p="md" component="li">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={4} miw={0} flex={1}>
          <Title order={2} size="h3" style={{ whiteSpace: "pre-wrap" }}>
            <bdi>{isOwnTitle ? title : form.text}</bdi>
          </Title>
          {isOwnTitle && form && (
            <Text size="sm" style={{ whiteSpace: "pre-wrap" }}>
              <bdi>{form.text}</bdi>
            </Text>
          )}
          {form && form.history.length > 0 && (
            <Text size="sm" c="dimmed">
              {t("suite.earlier", { count: form.history.length })}
            </Text>
          )}
          {form ? (
            <CheckSentences checks={form.checks} />
          ) : (
            <Text size="sm" c="dimmed">
              {t("suite.more")}
            </Text>
          )}
        </Stack>
        {children}
      </Group>
    </Paper>
  );
}

type ActionsProps = Pick<Props, "suite" | "onGone"> & {
  at: number;
  title: string;
  hash: string;
  isLast: boolean;
  /** Undefined for a case that the form could not show whole. */
  edit?: () => void;
};

function Actions({ suite, at, title, hash, isLast, edit, onGone }: ActionsProps) {
  const { t } = useTranslation("evals");
  const { t: c } = useTranslation();
  const removal = useRemoval();
  const removing = $api.useMutation("delete", "/api/v1/evals/cases");
  const remove = async () => {
    const isRemoved = await removal(
      {
        title: t("suite.deleteTitle", { title }),
        text: t(isLast ? "suite.deleteLast" : "suite.deleteAbout"),
        yes: c("action.delete"),
      },
      () => removing.mutateAsync({ params: { query: { suite, at, hash } } }),
      t("suite.deleted"),
    );
    if (!isRemoved) return;
    if (isLast) onGone();
    reread("/api/v1/evals/suites", "/api/v1/evals/cases");
  };
  return (
    <Group gap={4} wrap="nowrap">
      {edit && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          onClick={edit}
          aria-label={t("suite.edit", { title })}
        >
          <IconPencil size={18} />
        </ActionIcon>
      )}
      <ActionIcon
        variant="subtle"
        color="gray"
        size={36}
        onClick={() => void remove()}
        loading={removing.isPending}
        aria-label={t("suite.delete", { title })}
      >
        <IconTrash size={18} />
      </ActionIcon>
    </Group>
  );
}
