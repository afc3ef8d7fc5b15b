// One of a few values of a preference: an icon with a menu, or with words side by side.
import { ActionIcon, Menu, SegmentedControl, Tooltip, useMatches } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import type { ComponentType } from "react";

type Icon = ComponentType<{ size?: number; "aria-hidden"?: boolean }>;

export type ChoiceProps<Value extends string> = {
  label: string;
  icon: Icon;
  value: Value;
  /** `lang`: the language of its label, if it is another one than the page's. */
  options: { value: Value; label: string; icon?: Icon; lang?: string }[];
  onChange: (value: Value) => void;
  /** Shows all values; otherwise only the icon. */
  worded?: boolean;
};

/** How many values a phone shows side by side. */
const MOST_ABREAST = 3;

export function Choice<Value extends string>({ worded = false, ...props }: ChoiceProps<Value>) {
  return worded ? <Worded {...props} /> : <Short {...props} />;
}

function Worded<Value extends string>({ label, value, options, onChange }: ChoiceProps<Value>) {
  const isNarrow = useMatches({ base: true, xs: false });
  return (
    <SegmentedControl
      aria-label={label}
      value={value}
      onChange={(next) => {
        const chosen = options.find((one) => one.value === next);
        if (chosen) onChange(chosen.value);
      }}
      data={options.map(({ value, label, lang }) => ({ value, label: <span lang={lang}>{label}</span> }))}
      orientation={isNarrow && options.length > MOST_ABREAST ? "vertical" : "horizontal"}
      w="fit-content"
      miw={isNarrow ? "100%" : undefined}
    />
  );
}

function Short<Value extends string>({ label, icon: Icon, value, options, onChange }: ChoiceProps<Value>) {
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
