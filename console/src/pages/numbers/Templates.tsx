// The message templates of a number's account, as they were last read from WhatsApp.
import { ScrollArea, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";
import { FoldedList } from "@/parts/FoldedList";
import { Async, Failed } from "@/parts/States";
import { Obstacle, ReadTemplates, TemplateState, useTemplateLanguage } from "@/parts/TemplateFacts";
import { isSendable, type Template, templateKey } from "@/parts/template";
import { useTemplates } from "@/parts/useTemplates";

export function Templates({ number }: { number: string }) {
  const { t } = useTranslation("templates");
  const { query, reading, read } = useTemplates(number);
  return (
    <Async query={query}>
      {({ templates, synced_at }) => (
        <Stack gap="sm">
          {reading.error && <Failed error={reading.error} />}
          {templates.length > 0 ? (
            <TemplateTable templates={templates} />
          ) : (
            synced_at != null && <Text size="sm">{t("none.write")}</Text>
          )}
          <ReadTemplates at={synced_at} busy={reading.isPending} read={read} />
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

function TemplateTable({ templates }: { templates: readonly Template[] }) {
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
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </FoldedList>
    </ScrollArea>
  );
}
