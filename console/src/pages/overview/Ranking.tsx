// Names with their counts as bars.
import { Box, Group, Text } from "@mantine/core";

type RankingProps = {
  rows: { name: string; count: number }[];
  say: (n: number) => string;
};

/** Names with their counts, most frequent first; a bar is the share of all. Rows of one name are one. */
export function Ranking({ rows, say }: RankingProps) {
  const counts = new Map<string, number>();
  for (const { name, count } of rows) counts.set(name, (counts.get(name) ?? 0) + count);
  const ranked = [...counts].sort(([, a], [, b]) => b - a);
  const all = Math.max(
    1,
    rows.reduce((sum, { count }) => sum + count, 0),
  );
  return (
    <Box component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {ranked.map(([name, count]) => (
        <Box component="li" key={name} mb="xs">
          <Group justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
            <Text size="sm" dir="auto">
              {name}
            </Text>
            <Text size="sm" fw={600} style={{ flex: "none" }}>
              {say(count)}
            </Text>
          </Group>
          <Box
            h={6}
            mt={4}
            bg="var(--chart-1)"
            w={`${(count / all) * 100}%`}
            aria-hidden
            style={{ borderRadius: "var(--mantine-radius-xs)" }}
          />
        </Box>
      ))}
    </Box>
  );
}
