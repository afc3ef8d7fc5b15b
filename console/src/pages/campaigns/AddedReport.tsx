// What became of a list: how many were added, and the rows that cannot be used.
import { Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { FoldedList } from "@/parts/FoldedList";

export function AddedReport({ report }: { report: Schemas["RecipientsAdded"] }) {
  const { t } = useTranslation("campaigns");
  const format = useFormat();
  const { added, repeated, rejected, rows } = report;
  return (
    <Stack gap="xs" role="status">
      <Text size="sm">{t("added.added", { count: added })}</Text>
      {repeated > 0 && <Text size="sm">{t("added.repeated", { count: repeated })}</Text>}
      {rejected > 0 && (
        <>
          <Text size="sm" fw={600}>
            {t("added.rejected", { count: rejected })}
          </Text>
          <FoldedList all={rows}>
            {(shown) => (
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th scope="col">{t("added.line")}</Table.Th>
                    <Table.Th scope="col">{t("added.reason")}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {shown.map(({ line, reason }) => (
                    <Table.Tr key={line}>
                      <Table.Th scope="row" fw={500}>
                        {format.count(line)}
                      </Table.Th>
                      <Table.Td>
                        <bdi lang="en">{reason}</bdi>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            )}
          </FoldedList>
          {rejected > rows.length && (
            <Text size="sm" c="dimmed">
              {t("added.first", { most: format.count(rows.length) })}
            </Text>
          )}
          <Text size="sm">{t("added.mend")}</Text>
        </>
      )}
    </Stack>
  );
}
