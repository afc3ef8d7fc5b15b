// A figure with its label and a note.
import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";

type Props = {
  name: string;
  value: string;
  /** Small text below the figure. */
  note?: ReactNode;
  /** Whether it needs attention. */
  bad?: boolean;
  /** One of the few that matter most. */
  large?: boolean;
};

export function Figure({ name, value, note, bad = false, large = false }: Props) {
  return (
    <Group component="dl" m={0} gap={0} style={{ flexDirection: "column", alignItems: "flex-start" }}>
      <Text component="dt" size="sm" c="dimmed">
        {name}
      </Text>
      <Text
        component="dd"
        m={0}
        fz={large ? { base: "xl", sm: "figure" } : { base: "lg", sm: "xl" }}
        lh={1.3}
        fw={large ? 650 : 600}
        c={bad ? "var(--bad)" : undefined}
        // An amount is one word, however its currency is written.
        style={{ whiteSpace: "nowrap" }}
      >
        {value}
      </Text>
      {note && (
        <Text component="dd" m={0} size="xs" c="dimmed">
          {note}
        </Text>
      )}
    </Group>
  );
}
