// The outlines of what is loading, in its shape and about its size, so that nothing jumps when it arrives.
import { Box, Group, Paper, SimpleGrid, Skeleton, Stack } from "@mantine/core";

/**
 * `boxes`: below each other. `reports`: boxes of three lines. `cards`: beside each other. `figures`: with their labels.
 * `facts`: names and values in one box. `form`: fields.
 */
export type Shape = "rows" | "boxes" | "reports" | "cards" | "figures" | "facts" | "form";

const upTo = (rows: number) => Array.from({ length: rows }, (_, row) => row);

/** One line of text: as high as its letters, in the middle of its line. */
export function Line({ width, high = 20 }: { width: number | string; high?: number }) {
  return (
    <Box h={high} py={high * 0.2}>
      <Skeleton height="100%" width={width} radius="sm" />
    </Box>
  );
}

function Rows({ rows }: { rows: number }) {
  return upTo(rows).map((row) => (
    <Group
      key={row}
      justify="space-between"
      wrap="nowrap"
      py="xs"
      style={{ borderBlockEnd: "1px solid var(--mantine-color-default-border)" }}
    >
      <Box flex={1}>
        <Line width={`${[42, 30, 38, 26][row % 4]}%`} />
        <Line width={`${[68, 54, 75, 60][row % 4]}%`} high={16} />
      </Box>
      <Line width={64} />
    </Group>
  ));
}

function Boxes({ rows }: { rows: number }) {
  return (
    <Stack gap="sm">
      {upTo(rows).map((row) => (
        <Paper key={row} withBorder px="md" py="sm">
          <Line width={`${[42, 30, 38, 26][row % 4]}%`} high={22} />
          <Line width={`${[68, 54, 75, 60][row % 4]}%`} />
        </Paper>
      ))}
    </Stack>
  );
}

function Reports({ rows }: { rows: number }) {
  return (
    <Stack gap="sm">
      {upTo(rows).map((row) => (
        <Paper key={row} withBorder p="md">
          <Stack gap={6}>
            <Line width={`${[42, 30, 38, 26][row % 4]}%`} high={22} />
            <Line width={`${[54, 68, 48, 60][row % 4]}%`} />
            <Line width={`${[68, 54, 75, 60][row % 4]}%`} />
          </Stack>
        </Paper>
      ))}
    </Stack>
  );
}

function Cards({ rows }: { rows: number }) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      {upTo(rows).map((row) => (
        <Paper key={row} withBorder p="md">
          <Line width="45%" high={26} />
          <Line width="80%" />
          <Line width="62%" />
        </Paper>
      ))}
    </SimpleGrid>
  );
}

function Figures({ rows }: { rows: number }) {
  return (
    <SimpleGrid cols={2} spacing="md">
      {upTo(rows).map((row) => (
        <div key={row}>
          <Line width="70%" />
          <Line width="40%" high={32} />
        </div>
      ))}
    </SimpleGrid>
  );
}

function Facts({ rows }: { rows: number }) {
  return (
    <Paper withBorder p={{ base: "md", sm: "lg" }}>
      <Line width={160} high={26} />
      <SimpleGrid cols={{ base: 1, sm: 2 }} mt="sm">
        {upTo(rows).map((row) => (
          <div key={row}>
            <Line width="30%" high={16} />
            <Line width={`${[42, 50, 38, 46][row % 4]}%`} />
          </div>
        ))}
      </SimpleGrid>
    </Paper>
  );
}

function Fields({ rows }: { rows: number }) {
  return (
    <Stack gap="md">
      {upTo(rows).map((row) => (
        <div key={row}>
          <Line width={120} />
          <Skeleton height={36} mt={4} />
        </div>
      ))}
      <Skeleton height={36} width={110} />
    </Stack>
  );
}

const shapes = {
  rows: Rows,
  boxes: Boxes,
  reports: Reports,
  cards: Cards,
  figures: Figures,
  facts: Facts,
  form: Fields,
} satisfies Record<Shape, unknown>;

export function Outline({ shape, rows }: { shape: Shape; rows: number }) {
  const { [shape]: Shown } = shapes;
  return <Shown rows={rows} />;
}
