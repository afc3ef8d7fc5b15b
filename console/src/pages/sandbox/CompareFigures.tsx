// Compares two replies by their figures.
import { Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { figures } from "@/parts/trace/trace";
import type { Reply } from "./turn";

/** The relative change from the first to the second, such as 0.2; null where it is meaningless or rounds to zero. */
export function change(first: number, second: number): number | null {
  if (first <= 0 || second <= 0) return null;
  const more = second / first - 1;
  return Math.abs(more) < 0.005 ? null : more;
}

export function CompareFigures({ replies }: { replies: [Reply, Reply] }) {
  const { t } = useTranslation("sandbox");
  const format = useFormat();
  const [first, second] = replies.map(({ outcome }) => outcome?.trace);
  if (!first || !second) return null;
  const [a, b] = [figures(first), figures(second)];
  const rows = [
    { name: t("compare.time"), values: [a.ms, b.ms] as const, say: format.took },
    {
      name: t("compare.tokens"),
      values: [a.input + a.output, b.input + b.output] as const,
      say: format.count,
    },
    {
      name: t("compare.money"),
      values: [a.cost, b.cost] as const,
      say: (micros: number) => (micros > 0 ? format.money(micros) : "–"),
    },
    { name: t("compare.passages"), values: [a.passages, b.passages] as const, say: format.count },
  ].filter(({ values }) => values[0] > 0 || values[1] > 0);
  const same = replies[0].outcome?.bubbles.join("\n") === replies[1].outcome?.bubbles.join("\n");
  return (
    <>
      {same && (
        <Text size="xs" c="dimmed" mt={8}>
          {t("compare.same")}
        </Text>
      )}
      <Table
        mt={8}
        fz="xs"
        verticalSpacing={3}
        horizontalSpacing="xs"
        withRowBorders={false}
        w="auto"
        style={{ whiteSpace: "nowrap" }}
        aria-label={t("compare.title")}
      >
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col" fw={500} c="dimmed">
              {t("compare.title")}
            </Table.Th>
            {replies.map(({ side }, index) => (
              <Table.Th key={index === 0 ? "first" : "second"} scope="col" fw={500} c="dimmed" ta="end">
                <bdi>{side.name}</bdi>
              </Table.Th>
            ))}
            <Table.Th aria-hidden />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ name, values, say }) => {
            const more = change(values[0], values[1]);
            return (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={400}>
                  {name}
                </Table.Th>
                <Table.Td ta="end">{say(values[0])}</Table.Td>
                <Table.Td ta="end">{say(values[1])}</Table.Td>
                <Table.Td c="dimmed" ta="end" dir="ltr">
                  {more === null ? "" : `${more > 0 ? "+" : "−"}${format.share(Math.abs(more))}`}
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </>
  );
}
