// A line that expands on demand.
import { Box, Group, Text, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";

type Props = {
  label: ReactNode;
  /** Quieter text beside the label. */
  aside?: ReactNode;
  /** Whether it starts expanded. */
  opened?: boolean;
  onChange?: (opened: boolean) => void;
  children: () => ReactNode;
};

export function Fold({ label, aside, opened: first = false, onChange, children }: Props) {
  const [opened, setOpened] = useState(first);
  const { i18n } = useTranslation();
  const id = useId();
  const toggle = () => {
    setOpened(!opened);
    onChange?.(!opened);
  };
  const rtl = i18n.dir() === "rtl";
  return (
    <div>
      <UnstyledButton onClick={toggle} aria-expanded={opened} aria-controls={opened ? id : undefined} py={2}>
        <Group gap={6} wrap="nowrap" align="flex-start">
          <Box component="span" c="dimmed" lh={0} mt={3} style={{ flex: "none" }}>
            {opened ? (
              <IconChevronDown size={14} aria-hidden />
            ) : (
              <IconChevronRight size={14} aria-hidden style={rtl ? { transform: "scaleX(-1)" } : undefined} />
            )}
          </Box>
          <Text size="sm" component="span">
            {label}
            {aside && (
              <Text size="xs" c="dimmed" component="span" ms={6}>
                {aside}
              </Text>
            )}
          </Text>
        </Group>
      </UnstyledButton>
      {opened && (
        <Box id={id} ps={20} pt={4} pb="xs">
          {children()}
        </Box>
      )}
    </div>
  );
}
