// Chooses an agent: its name, and its short name below it.
import { type ComboboxItem, Group, type OptionsFilter, Select, type SelectProps, Text } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { agentName } from "./agentName";

type Props = Omit<SelectProps, "data" | "filter" | "renderOption" | "styles"> & {
  agents: Schemas["Agent"][] | undefined;
};

/** Its value is the short name. */
export function AgentSelect({ agents, ...props }: Props) {
  const data = useMemo(
    () => agents?.map((agent) => ({ value: agent.slug, label: agentName(agent) })) ?? [],
    [agents],
  );
  return (
    <Select
      {...props}
      data={data}
      filter={found}
      renderOption={Option}
      maxDropdownHeight={320}
      // A name written in the other direction is cut at its own end.
      styles={{ input: { textOverflow: "ellipsis", unicodeBidi: "plaintext" } }}
    />
  );
}

type OptionProps = { option: ComboboxItem; checked?: boolean };

function Option({ option: { value, label }, checked }: OptionProps) {
  return (
    <Group justify="space-between" wrap="nowrap" flex={1} gap="xs">
      <div>
        <Text size="sm" dir="auto">
          {label}
        </Text>
        {label !== value && (
          <Text size="xs" c="dimmed">
            <bdi>{value}</bdi>
          </Text>
        )}
      </div>
      {checked && <IconCheck size={16} aria-hidden style={{ flex: "none" }} />}
    </Group>
  );
}

/** Finds an agent by either name. */
const found: OptionsFilter = ({ options, search }) => {
  const words = search.trim().toLowerCase();
  return options.filter((one) => "value" in one && `${one.label} ${one.value}`.toLowerCase().includes(words));
};
