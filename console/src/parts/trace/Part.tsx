// A section of a trace with its title; and a list of names and values.
import { Box, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";

export function Part({ name, aside, children }: { name: string; aside?: ReactNode; children?: ReactNode }) {
  return (
    <Box>
      <Group gap={8} align="baseline" mb={children ? 4 : 0}>
        <Text size="sm" fw={600}>
          {name}
        </Text>
        {aside && (
          <Text size="xs" c="dimmed" component="div">
            {aside}
          </Text>
        )}
      </Group>
      {children}
    </Box>
  );
}

/** Text of a person or a model, shown verbatim. */
export function VerbatimText({ children, most = 320 }: { children: string; most?: number }) {
  return (
    <Box
      dir="auto"
      tabIndex={0}
      p="xs"
      fz="sm"
      mah={most}
      style={{
        overflow: "auto",
        whiteSpace: "pre-wrap",
        overflowWrap: "anywhere",
        borderRadius: "var(--mantine-radius-sm)",
        background: "var(--mantine-color-default-hover)",
      }}
    >
      {children}
    </Box>
  );
}
