// Settings: the sections as tabs, each with its own address.
import { Tabs, Text, useMatches } from "@mantine/core";
import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { Suspense, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { NewAlerts } from "@/parts/CountBadge";
import { useNewAlerts } from "@/parts/newAlerts";
import { Page } from "@/parts/Page";
import { Loading } from "@/parts/States";
import { sections } from "@/shell/places";

export function SettingsPage() {
  const { t } = useTranslation(["settings", "common"]);
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const isNarrow = useMatches({ base: true, xs: false });
  const { name: shown } = sections.find(({ to }) => pathname.startsWith(to)) ?? sections[0];
  const alerts = useNewAlerts();
  const list = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a phone, the tab that is shown may be out of sight.
  useEffect(() => {
    list.current
      ?.querySelector("[aria-selected=true]")
      ?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown]);
  const show = (name: string | null) => {
    const section = sections.find((one) => one.name === name);
    if (section) void navigate({ to: section.to, replace: true, resetScroll: false });
  };
  return (
    <Page title={t("common:nav.settings")} section={t(`common:nav.${shown}`)} widest={820}>
      <Tabs value={shown} onChange={show} keepMounted={false}>
        <Tabs.List
          ref={list}
          mb="md"
          aria-label={t("common:nav.settings")}
          style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}
        >
          {sections.map(({ name, icon: Icon }) => (
            <Tabs.Tab
              key={name}
              value={name}
              px={{ base: "xs", xs: "md" }}
              leftSection={isNarrow ? undefined : <Icon size={17} aria-hidden />}
              rightSection={name === "alerts" && alerts > 0 ? <NewAlerts /> : undefined}
            >
              {t(`common:nav.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={shown}>
          <Text c="dimmed" size="sm" mb="lg">
            {t(`about.${shown}`)}
          </Text>
          <Suspense fallback={<Loading />}>
            <Outlet />
          </Suspense>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
