// The line above a message's content that says what it is.
import { Text } from "@mantine/core";
import type { ReactNode } from "react";

export function Kind({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <Text size="xs" fw={600} style={{ display: "flex", alignItems: "center", gap: 5 }}>
      {icon}
      {children}
    </Text>
  );
}
