// The values of a template: a field for each, and beside them what the customer will read.
import {
  ActionIcon,
  Alert,
  Button,
  FileInput,
  Menu,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { IconAlertTriangle, IconArrowLeft, IconTableColumn } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { Obstacle } from "@/parts/TemplateFacts";
import {
  type HeaderFile,
  headerFile,
  isSendable,
  isUnchanged,
  linkBeginning,
  parameterKey,
  type Template,
  type TypedValues,
  type ValueProblem,
} from "@/parts/template";
import { AttachedFile } from "./AttachedFile";
import { TemplateHead } from "./TemplateList";
import type { TemplateChoice } from "./TemplatePicker";
import { TemplatePreview, useLabel } from "./TemplatePreview";
import thread from "./thread.module.css";

/** What the browser's dialog shows; the server decides by the bytes. */
const accepted: Record<HeaderFile, string> = {
  image: "image/jpeg,image/png",
  video: "video/mp4,video/3gpp",
  document: ".pdf,.doc,.docx,.xls,.xlsx,.ppt,.pptx,.txt,.csv",
};

function useProblemText() {
  const { t } = useTranslation("templates");
  const format = useFormat();
  return (problem: ValueProblem): string => {
    if (problem.kind === "noColumn") return t("problem.noColumn", { column: problem.column });
    if (problem.kind !== "tooLong") return t(`problem.${problem.kind}`);
    const { length, most } = problem;
    return t(`problem.tooLong.${problem.part}`, { length: format.count(length), most: format.count(most) });
  };
}

/** Moves the focus to the first value that WhatsApp would refuse; false if there is none. */
export function focusProblem(
  form: HTMLFormElement | null,
  { parameters }: Template,
  problems: ReadonlyMap<string, ValueProblem>,
): boolean {
  const wrong = parameters.find((one) => problems.has(parameterKey(one)));
  if (!wrong) return false;
  const field = form?.elements.namedItem(parameterKey(wrong));
  if (field instanceof HTMLElement) field.focus();
  return true;
}

type Props = TemplateChoice & {
  values: TypedValues;
  type: (key: string, value: string) => void;
  problems: ReadonlyMap<string, ValueProblem>;
  /** A value is missed only once a person wants to send. */
  isAsked: boolean;
  /** What the preview shows in the place of the values. */
  shown?: TypedValues;
  /** Columns of a list that a value can name as `{{column}}`. */
  columns?: readonly string[];
  /** The file above the text, where one can be sent. */
  file?: { chosen: File | undefined; choose: (file: File | undefined) => void };
};

export function TemplateValues(props: Props) {
  const { template, current, renew, back, values, type, problems, isAsked, shown, columns, file } = props;
  const { t } = useTranslation(["templates", "inbox"]);
  const wanted = headerFile(template);
  const chosen = file?.chosen;
  const box = useRef<HTMLDivElement>(null);
  const labelOf = useLabel(template);
  const textOf = useProblemText();
  // What was chosen is gone from the page: its first field goes on, or what will be sent, as the Enter that chose it must
  // not send it.
  useEffect(() => box.current?.querySelector<HTMLElement>("input, section")?.focus(), []);
  const show = (changed: Template) => {
    renew(changed);
    // The button is gone with its notice.
    box.current?.querySelector<HTMLElement>("section")?.focus();
  };
  const errorOf = (key: string) => {
    const problem = problems.get(key);
    return problem && (isAsked || problem.kind !== "missing") ? textOf(problem) : undefined;
  };
  return (
    <Stack ref={box}>
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
          {wanted && !file && (
            <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
              {t("form.fileElsewhere")}
            </Alert>
          )}
          {wanted && file && (
            <FileInput
              name="file"
              label={t(`form.file.${wanted}`)}
              description={t(`form.fileAbout.${wanted}`)}
              placeholder={t("form.choose")}
              accept={accepted[wanted]}
              value={chosen ?? null}
              onChange={(next) => file.choose(next ?? undefined)}
              error={isAsked && !chosen && t("form.fileMissing")}
              required
              clearable
              clearButtonProps={{ "aria-label": t("inbox:attach.remove") }}
            />
          )}
          {template.parameters.length === 0 && !wanted && <Text size="sm">{t("form.plain")}</Text>}
          {template.parameters.map((one) => {
            const key = parameterKey(one);
            const address = linkBeginning(template, one);
            const value = values[key] ?? "";
            return (
              <TextInput
                key={key}
                name={key}
                label={<bdi>{labelOf(one)}</bdi>}
                description={address && <bdi dir="ltr">{address}</bdi>}
                value={value}
                onChange={(event) => type(key, event.currentTarget.value)}
                error={errorOf(key)}
                dir="auto"
                required
                rightSection={
                  columns && (
                    <Columns
                      columns={columns}
                      label={labelOf(one)}
                      insert={(column) => type(key, `${value}{{${column}}}`)}
                    />
                  )
                }
              />
            );
          })}
        </Stack>
        <TemplatePreview
          template={template}
          values={shown ?? values}
          file={
            chosen && <AttachedFile name={chosen.name} size={chosen.size} type={chosen.type} data={chosen} />
          }
        />
      </SimpleGrid>
    </Stack>
  );
}

type ColumnsProps = { columns: readonly string[]; label: string; insert: (column: string) => void };

/** Puts a column of the list into a value. */
function Columns({ columns, label, insert }: ColumnsProps) {
  const { t } = useTranslation("templates");
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t("column.insert", { field: label })}>
          <IconTableColumn size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown mah={280} style={{ overflowY: "auto" }}>
        <Menu.Label>{t("column.inserted")}</Menu.Label>
        {columns.map((column) => (
          <Menu.Item key={column} onClick={() => insert(column)}>
            <bdi>{column}</bdi>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** What has become of the chosen template. */
function ChangeNotice({ template, current, renew }: Pick<Props, "template" | "current" | "renew">) {
  const { t } = useTranslation("templates");
  if (isUnchanged(template, current)) return null;
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
