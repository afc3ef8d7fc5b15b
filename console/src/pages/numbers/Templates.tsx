// The message templates of a number's account, as they were last read from WhatsApp.
import { ActionIcon, Button, ScrollArea, Stack, Table, Text, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { known } from "@/api/words";
import { FoldedList } from "@/parts/FoldedList";
import { Async, Failed } from "@/parts/States";
import { Obstacle, ReadTemplates, TemplateState, useTemplateLanguage } from "@/parts/TemplateFacts";
import { isSendable, type Template, templateKey } from "@/parts/template";
import { useRemoval } from "@/parts/useRemoval";
import { useTemplates } from "@/parts/useTemplates";
import { NewTemplate } from "./NewTemplate";

export function Templates({ number }: { number: string }) {
  const { t } = useTranslation("templates");
  const { query, reading, read } = useTemplates(number);
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <Async query={query}>
      {({ templates, synced_at }) => (
        <Stack gap="sm">
          {reading.error && <Failed error={reading.error} />}
          {templates.length > 0 ? (
            <TemplateTable number={number} templates={templates} />
          ) : (
            synced_at != null && <Text size="sm">{t("none.write")}</Text>
          )}
          <ReadTemplates at={synced_at} busy={reading.isPending} read={read}>
            <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={open}>
              {t("new.open")}
            </Button>
          </ReadTemplates>
          <NewTemplate number={number} opened={opened} close={close} />
        </Stack>
      )}
    </Async>
  );
}

const colours: Record<Schemas["TemplateQuality"], string | undefined> = {
  high: undefined,
  medium: "var(--attention)",
  low: "var(--bad)",
};

function TemplateTable({ number, templates }: { number: string; templates: readonly Template[] }) {
  const { t } = useTranslation("templates");
  const languageOf = useTemplateLanguage();
  return (
    <ScrollArea
      type="auto"
      offsetScrollbars="x"
      viewportProps={{ tabIndex: 0, role: "group", "aria-label": t("title") }}
    >
      <FoldedList all={templates}>
        {(shown) => (
          <Table miw={560}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{t("column.template")}</Table.Th>
                <Table.Th scope="col">{t("column.state")}</Table.Th>
                <Table.Th scope="col">{t("column.quality")}</Table.Th>
                <Table.Th scope="col">{t("column.category")}</Table.Th>
                <Table.Th scope="col">
                  <VisuallyHidden>{t("delete.yes")}</VisuallyHidden>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {shown.map((one) => (
                <Table.Tr key={templateKey(one)}>
                  <Table.Th scope="row" fw={500} miw={140} maw={260} style={{ overflowWrap: "anywhere" }}>
                    <bdi dir="ltr">{one.name}</bdi>
                    <Text size="xs" c="dimmed">
                      {languageOf(one.language)}
                    </Text>
                  </Table.Th>
                  <Table.Td maw={320}>
                    <TemplateState state={one.state} />
                    {!isSendable(one) && (
                      <Text size="xs" c="dimmed">
                        <Obstacle template={one} />
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td c={one.quality ? known(colours, one.quality, undefined) : "dimmed"}>
                    {t(`quality.${one.quality ?? "unknown"}`, { defaultValue: one.quality })}
                  </Table.Td>
                  <Table.Td>{t(`category.${one.category}`, { defaultValue: one.category })}</Table.Td>
                  <Table.Td>
                    <DeleteTemplate number={number} template={one} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </FoldedList>
    </ScrollArea>
  );
}

function DeleteTemplate({ number, template }: { number: string; template: Template }) {
  const { t } = useTranslation("templates");
  const languageOf = useTemplateLanguage();
  const removal = useRemoval();
  const deletion = $api.useMutation("delete", "/api/v1/numbers/{id}/templates/{name}");
  const { name, language } = template;
  const which = { name, language: languageOf(language) };
  const remove = () =>
    removal(
      { title: t("delete.title", which), text: t("delete.text"), yes: t("delete.yes") },
      async () => {
        await deletion.mutateAsync({ params: { path: { id: number, name }, query: { language } } });
        reread("/api/v1/numbers/{id}/templates");
      },
      t("delete.done", which),
    );
  return (
    <ActionIcon
      variant="subtle"
      color="red"
      aria-label={t("delete.label", which)}
      loading={deletion.isPending}
      onClick={() => void remove()}
    >
      <IconTrash size={16} aria-hidden />
    </ActionIcon>
  );
}
