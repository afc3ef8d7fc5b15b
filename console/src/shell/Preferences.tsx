// Language, colour scheme, shortcuts and signing out, at the bottom of the menu.
import { ActionIcon, Group, Menu, Tooltip, useDirection, useMantineColorScheme } from "@mantine/core";
import {
  IconCheck,
  IconDeviceDesktop,
  IconKeyboard,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconSearch,
  IconSun,
} from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { signOut, signOutEverywhere } from "@/api/session";
import { wordsOf } from "@/api/words";
import { direction, type Language, languages, speak } from "@/i18n";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";
import { showFinder } from "./Finder";
import { showKeys } from "./Keys";
import { Notifications } from "./Notifications";

const schemes = [
  { value: "auto", icon: IconDeviceDesktop },
  { value: "light", icon: IconSun },
  { value: "dark", icon: IconMoon },
] as const;

function Languages() {
  const { t, i18n } = useTranslation();
  const { setDirection } = useDirection();
  const choose = async (language: Language) => {
    await speak(language);
    setDirection(direction(language));
  };
  return (
    <Menu position="top-start" withinPortal>
      <Menu.Target>
        <Tooltip label={t("preferences.language")}>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={t("preferences.language")}>
            <IconLanguage size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {wordsOf(languages).map((code) => (
          <Menu.Item
            key={code}
            lang={code}
            onClick={() => void choose(code)}
            rightSection={i18n.language === code ? <IconCheck size={16} aria-hidden /> : undefined}
          >
            {languages[code]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Colours() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Icon = schemes.find(({ value }) => value === colorScheme)?.icon ?? IconSun;
  return (
    <Menu position="top-start" withinPortal>
      <Menu.Target>
        <Tooltip label={t("preferences.colours")}>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={t("preferences.colours")}>
            <Icon size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {schemes.map(({ value, icon: One }) => (
          <Menu.Item
            key={value}
            leftSection={<One size={16} aria-hidden />}
            rightSection={colorScheme === value ? <IconCheck size={16} aria-hidden /> : undefined}
            onClick={() => setColorScheme(value)}
          >
            {t(`preferences.${value}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function SignOut() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const say = useSay();
  const confirm = useConfirm();
  const leave = (out: () => Promise<void>) =>
    out().then(
      () => navigate({ to: "/sign-in" }),
      (error) => say.failed(error),
    );
  const leaveEverywhere = async () => {
    const sure = await confirm({
      title: t("preferences.everywhereTitle"),
      text: t("preferences.everywhereText"),
      yes: t("preferences.everywhereYes"),
      danger: true,
    });
    if (sure) await leave(signOutEverywhere);
  };
  return (
    <Menu position="top-start" withinPortal>
      <Menu.Target>
        <Tooltip label={t("preferences.signOut")}>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={t("preferences.signOut")}>
            <IconLogout size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void leave(signOut)}>{t("preferences.signOutHere")}</Menu.Item>
        <Menu.Item color="red" onClick={() => void leaveEverywhere()}>
          {t("preferences.signOutEverywhere")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Preferences() {
  const { t } = useTranslation();
  return (
    <Group gap={0} justify="space-between" wrap="nowrap">
      <Tooltip label={`${t("finder.open")} (Ctrl K)`}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={32}
          onClick={showFinder}
          aria-label={t("finder.open")}
        >
          <IconSearch size={20} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={`${t("keys.title")} (?)`}>
        <ActionIcon variant="subtle" color="gray" size={32} onClick={showKeys} aria-label={t("keys.title")}>
          <IconKeyboard size={20} />
        </ActionIcon>
      </Tooltip>
      <Notifications />
      <Languages />
      <Colours />
      <SignOut />
    </Group>
  );
}
