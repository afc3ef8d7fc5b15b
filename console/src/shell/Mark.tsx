// The product's name.
import { Group, Text } from "@mantine/core";

export function Mark() {
  return (
    <Group gap={10} wrap="nowrap">
      <img src="/icon.svg" width={26} height={26} alt="" />
      <Text fw={700} size="lg" lh={1}>
        frontdesk
      </Text>
    </Group>
  );
}
