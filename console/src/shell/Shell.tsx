// The frame around every page: navigation, connection state, preferences.
import { AppShell, Box, Burger, Group, NavLink, ScrollArea, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { type ReactNode, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { CountBadge, NewAlerts } from "@/parts/CountBadge";
import { Line, Outline } from "@/parts/Skeletons";
import { Loading } from "@/parts/States";
import { Connection } from "./Connection";
import { Finder } from "./Finder";
import { Keys } from "./Keys";
import { Mark } from "./Mark";
import { Preferences } from "./Preferences";
import { places } from "./places";
import { useHearing } from "./useHearing";
import { useKeptFocus } from "./useKeptFocus";
import { useWaiting } from "./useWaiting";

/** The number of conversations that wait for a person. */
function WaitingCount() {
  const { t } = useTranslation();
  const { data } = $api.useQuery("get", "/api/v1/conversations/counts");
  const count = data?.waiting ?? 0;
  return <CountBadge count={count} label={t("nav.waiting", { count })} />;
}

/** What stands at the end of an entry of the menu. */
const ends: Partial<Record<(typeof places)[number]["name"], ReactNode>> = {
  inbox: <WaitingCount />,
  settings: <NewAlerts />,
};

function Navigation() {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const here = (to: string) =>
    to === "/" ? pathname === "/" : pathname === to || pathname.startsWith(`${to}/`);
  return (
    <Stack gap={2} component="ul" p={0} m={0} style={{ listStyle: "none" }}>
      {places.map(({ to, name, icon: Icon }) => (
        <li key={to}>
          <NavLink
            component={Link}
            to={to}
            label={t(`nav.${name}`)}
            active={here(to)}
            aria-current={here(to) ? "page" : undefined}
            leftSection={<Icon size={19} stroke={1.7} aria-hidden />}
            rightSection={ends[name]}
            style={{ borderRadius: "var(--mantine-radius-md)" }}
          />
        </li>
      ))}
    </Stack>
  );
}

export function Shell() {
  const { t } = useTranslation();
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  useHearing();
  useKeptFocus();
  useWaiting();
  // biome-ignore lint/correctness/useExhaustiveDependencies: going somewhere closes the menu of a phone.
  useEffect(close, [pathname]);
  return (
    <AppShell
      header={{ height: { base: 52, sm: 0 } }}
      navbar={{ width: 216, breakpoint: "sm", collapsed: { mobile: !opened } }}
      transitionDuration={150}
    >
      <a className="skip" href="#main">
        {t("nav.skip")}
      </a>
      <AppShell.Header hiddenFrom="sm">
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger
            opened={opened}
            onClick={toggle}
            size="sm"
            aria-label={opened ? t("nav.close") : t("nav.open")}
            aria-expanded={opened}
          />
          <Mark />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={t("nav.label")}>
        <AppShell.Section visibleFrom="sm" p="xs" pb="md">
          <Mark />
        </AppShell.Section>
        <AppShell.Section grow component={ScrollArea} type="auto">
          <Navigation />
        </AppShell.Section>
        <AppShell.Section>
          <Preferences />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: "none" }}>
        <Connection />
        <Suspense
          fallback={
            <Box p={{ base: "md", sm: "xl" }} maw={1120} mx="auto">
              <Loading>
                <Stack gap="lg">
                  <Line width={180} high={32} />
                  <div>
                    <Outline shape="rows" rows={5} />
                  </div>
                </Stack>
              </Loading>
            </Box>
          }
        >
          <Outlet />
        </Suspense>
      </AppShell.Main>
      <Finder />
      <Keys />
    </AppShell>
  );
}
