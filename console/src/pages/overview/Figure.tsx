// A figure with its label and its previous value.
import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";

type Props = {
  name: string;
  value: string;
  /** Small text below the figure. */
  note?: ReactNode;
  /** Whether it needs attention. */
  bad?: boolean;
};

export function Figure({ name, value, note, bad = false }: Props) {
  return (
    <Group component="dl" m={0} gap={0} style={{ flexDirection: "column", alignItems: "flex-start" }}>
      <Text component="dt" size="sm" c="dimmed">
        {name}
      </Text>
      <Text
        component="dd"
        m={0}
        fz={{ base: 20, sm: 24 }}
        lh={1.3}
        fw={600}
        c={bad ? "red" : undefined}
        // An amount is one word, however its currency is written.
        style={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}
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
