// A preference as an icon with a menu.
import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import type { Preference } from "./appearance";

export function Choice<Value extends string>({
  label,
  icon: Icon,
  value,
  options,
  onChange,
}: Preference<Value>) {
  return (
    <Menu position="top-start" withinPortal>
      <Menu.Target>
        <Tooltip label={label}>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={label}>
            <Icon size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {options.map((one) => (
          <Menu.Item
            key={one.value}
            lang={one.lang}
            leftSection={one.icon && <one.icon size={16} aria-hidden />}
            rightSection={one.value === value ? <IconCheck size={16} aria-hidden /> : undefined}
            onClick={() => onChange(one.value)}
          >
            {one.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
