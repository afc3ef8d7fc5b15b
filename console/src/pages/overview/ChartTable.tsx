// A chart's days as a table as high as the chart, newest first.
import { ScrollArea, Table } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type ChartData, HEIGHT, useDay } from "./series";

export function ChartTable({ title, days, series, say }: ChartData) {
  const { t } = useTranslation("overview");
  const name = useDay();
  return (
    <ScrollArea.Autosize
      mah={HEIGHT}
      type="auto"
      offsetScrollbars="y"
      viewportProps={{ tabIndex: 0, role: "group", "aria-label": title }}
    >
      <Table stickyHeader striped="even" verticalSpacing={4}>
        <Table.Caption style={{ display: "none" }}>{title}</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{t("chart.day")}</Table.Th>
            {series.map(({ name }) => (
              <Table.Th key={name} scope="col" ta="end">
                {name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {days.toReversed().map((day) => (
            <Table.Tr key={day.day}>
              <Table.Th scope="row" fw={400}>
                {name(day.day)}
              </Table.Th>
              {series.map(({ name, of }) => {
                const value = of(day);
                return (
                  <Table.Td key={name} ta="end">
                    {value == null ? "–" : say(value)}
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ScrollArea.Autosize>
  );
}
