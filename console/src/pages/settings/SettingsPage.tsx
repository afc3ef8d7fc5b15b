// Settings: the sections as tabs, each with its own address.
import { Tabs, Text } from "@mantine/core";
import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { NewAlerts } from "@/parts/CountBadge";
import { Page } from "@/parts/Page";
import { Loading } from "@/parts/States";
import { sections } from "@/shell/places";

export function SettingsPage() {
  const { t } = useTranslation(["settings", "common"]);
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const { name: shown } = sections.find(({ to }) => pathname.startsWith(to)) ?? sections[0];
  const show = (name: string | null) => {
    const section = sections.find((one) => one.name === name);
    if (section) void navigate({ to: section.to, resetScroll: false });
  };
  return (
    <Page title={t("common:nav.settings")} section={t(`common:nav.${shown}`)} widest={820}>
      <Tabs value={shown} onChange={show} keepMounted={false}>
        <Tabs.List
          mb="md"
          aria-label={t("common:nav.settings")}
          style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}
        >
          {sections.map(({ name, icon: Icon }) => (
            <Tabs.Tab
              key={name}
              value={name}
              leftSection={<Icon size={17} aria-hidden />}
              rightSection={name === "alerts" ? <NewAlerts /> : undefined}
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
