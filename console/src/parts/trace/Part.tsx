// A part of a trace, with its name; and names with values in it.
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

/** What somebody or a model wrote, as it is. */
export function Verbatim({ children, most = 320 }: { children: string; most?: number }) {
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
