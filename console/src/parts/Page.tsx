// The layout of a page: its title, actions and content.
import { Anchor, Box, Group, Stack, Text, Title } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { setPageTitle } from "./title";

type Props = {
  title: string;
  /** The part of the page that is shown: the window's title names it, too. */
  section?: string;
  /** One line under the title. */
  about?: ReactNode;
  /** The parent page. */
  back?: { to: string; label: string };
  /** Buttons at the end of the title's line. */
  actions?: ReactNode;
  children: ReactNode;
  /** Maximum width, in pixels. */
  widest?: number;
};

/** Sets the window's title. */
export function useTitle(title: string) {
  useEffect(() => {
    setPageTitle(title);
  }, [title]);
}

export function Page({ title, section, about, back, actions, children, widest = 1120 }: Props) {
  useTitle(section ? `${section} · ${title}` : title);
  return (
    <Box p={{ base: "md", sm: "xl" }} maw={widest} mx="auto">
      <Stack gap="lg">
        <Group justify="space-between" align="flex-start" gap="sm">
          <div>
            {back && (
              <Anchor component={Link} to={back.to} size="sm" c="dimmed">
                <Group gap={2} component="span" mb={4}>
                  <IconChevronLeft size={16} className="flip" aria-hidden />
                  {back.label}
                </Group>
              </Anchor>
            )}
            <Title order={1}>
              <bdi>{title}</bdi>
            </Title>
            {about && (
              <Text c="dimmed" size="sm" mt={4}>
                {about}
              </Text>
            )}
          </div>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
        {children}
      </Stack>
    </Box>
  );
}
