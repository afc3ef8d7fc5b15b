// Who gets the message: a list in a file, or contacts of the number.
import {
  Button,
  Checkbox,
  FileButton,
  Group,
  NumberInput,
  Paper,
  Radio,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { IconFileSpreadsheet } from "@tabler/icons-react";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { useDroppedFiles } from "@/parts/droppedFiles";
import { type ContactChoice, LARGEST, type ListFile, readList, type Source } from "./list";

/** What was chosen, also of the kind that is not shown. */
export type SourceDraft = { kind: Source["kind"]; list?: ListFile; contacts: ContactChoice };

export const emptySource: SourceDraft = { kind: "list", contacts: { optedIn: false } };

/** What the draft stands for; undefined: no list is chosen yet. */
export function sourceOf({ kind, list, contacts }: SourceDraft): Source | undefined {
  if (kind === "contacts") return { kind, ...contacts };
  return list && { kind, list };
}

/** The columns that values can name; undefined: the list is not known yet. */
export const columnsOf = ({ kind, list }: SourceDraft): readonly string[] | undefined =>
  kind === "contacts" ? ["name", "phone"] : list?.columns;

type Props = {
  draft: SourceDraft;
  change: (draft: SourceDraft) => void;
  /** Whether a missing list is said. */
  isAsked: boolean;
};

export function RecipientSource({ draft, change, isAsked }: Props) {
  const { t } = useTranslation("campaigns");
  const { kind, contacts } = draft;
  return (
    <Stack gap="sm">
      <Radio.Group
        label={t("source.label")}
        value={kind}
        onChange={(next) => change({ ...draft, kind: next === "contacts" ? "contacts" : "list" })}
      >
        <Stack gap="xs" mt={6}>
          <Radio value="list" label={t("source.list")} description={t("source.listAbout")} />
          <Radio value="contacts" label={t("source.contacts")} description={t("source.contactsAbout")} />
        </Stack>
      </Radio.Group>
      {kind === "list" && (
        <ListField list={draft.list} choose={(list) => change({ ...draft, list })} isAsked={isAsked} />
      )}
      {kind === "contacts" && (
        <Stack gap="sm">
          <NumberInput
            label={t("source.days")}
            description={t("source.daysAbout")}
            min={1}
            max={3_650}
            allowDecimal={false}
            maw={320}
            value={contacts.days ?? ""}
            onChange={(days) =>
              change({
                ...draft,
                contacts: { ...contacts, days: typeof days === "number" ? days : undefined },
              })
            }
          />
          <TextInput
            label={t("source.phonePrefix")}
            description={t("source.phonePrefixAbout")}
            type="tel"
            inputMode="tel"
            pattern="\+?[0-9]*"
            maxLength={16}
            maw={320}
            value={contacts.phonePrefix ?? ""}
            onChange={(event) =>
              change({ ...draft, contacts: { ...contacts, phonePrefix: event.currentTarget.value } })
            }
          />
          <Checkbox
            label={t("source.optedIn")}
            checked={contacts.optedIn}
            onChange={(event) =>
              change({ ...draft, contacts: { ...contacts, optedIn: event.currentTarget.checked } })
            }
          />
        </Stack>
      )}
    </Stack>
  );
}

type ListFieldProps = {
  list: ListFile | undefined;
  choose: (list: ListFile) => void;
  isAsked: boolean;
};

function ListField({ list, choose, isAsked }: ListFieldProps) {
  const { t } = useTranslation("campaigns");
  const format = useFormat();
  const about = useId();
  const [problem, setProblem] = useState<string>();
  const take = async (file: File | null | undefined) => {
    if (!file) return;
    setProblem(undefined);
    if (file.size > LARGEST) return setProblem(t("source.tooLarge", { most: format.size(LARGEST) }));
    try {
      choose(await readList(file));
    } catch {
      setProblem(t("source.unreadable"));
    }
  };
  const { over, props } = useDroppedFiles((files) => void take(files[0]));
  const said = problem ?? (isAsked && !list ? t("source.missing") : undefined);
  return (
    <div {...props}>
      <Paper
        withBorder
        p="md"
        style={{ borderStyle: "dashed", background: over ? "var(--mantine-color-teal-light)" : undefined }}
      >
        <Stack gap="xs">
          <Group gap="sm">
            <FileButton accept=".csv,.tsv,.txt,text/csv" onChange={(file) => void take(file)}>
              {(file) => (
                <Button
                  {...file}
                  variant="default"
                  leftSection={<IconFileSpreadsheet size={18} aria-hidden />}
                  aria-describedby={about}
                  data-wrong={said ? "" : undefined}
                >
                  {t(list ? "source.other" : "source.choose")}
                </Button>
              )}
            </FileButton>
            {list ? (
              <Text size="sm" fw={500}>
                <bdi>{list.name}</bdi>
              </Text>
            ) : (
              <Text size="sm" c="dimmed">
                {t("source.drop")}
              </Text>
            )}
          </Group>
          <Text size="sm" c="dimmed" id={about}>
            {list ? (
              <>
                {t("source.columns")} <bdi>{format.list(list.columns)}</bdi>
              </>
            ) : (
              t("source.shape")
            )}
          </Text>
          {said && (
            <Text size="sm" c="var(--mantine-color-error)" role="alert">
              {said}
            </Text>
          )}
        </Stack>
      </Paper>
    </div>
  );
}
