// How this browser tells that a customer waits for a person: the switches, and their place at the bottom of the menu.
import { ActionIcon, Indicator, Popover, Stack, Switch, Text, Tooltip } from "@mantine/core";
import { IconBell, IconBellOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { allow, choose, ring, useChoice, usePermission } from "./notify";

/** Whether anything is switched on, and permitted. */
function useOn() {
  const { notifications, sound } = useChoice();
  const permitted = usePermission();
  return { notifications: notifications && permitted === "granted", sound, permitted };
}

/** The switches, with what the browser permits and what to do if it blocks notifications. */
export function NotificationSwitches() {
  const { t } = useTranslation();
  const { notifications, sound, permitted } = useOn();
  const ringOn = (wanted: boolean) => {
    choose({ sound: wanted });
    if (wanted) ring();
  };
  return (
    <Stack gap="sm">
      <Text size="sm">{t("notify.about")}</Text>
      <Switch
        label={t("notify.browser")}
        description={t(`notify.${permitted}`)}
        checked={notifications}
        disabled={permitted !== "granted" && permitted !== "default"}
        onChange={({ currentTarget: { checked } }) =>
          checked ? void allow() : choose({ notifications: false })
        }
      />
      <Switch
        label={t("notify.sound")}
        checked={sound}
        onChange={(event) => ringOn(event.currentTarget.checked)}
      />
    </Stack>
  );
}

export function Notifications() {
  const { t } = useTranslation();
  const { notifications, sound } = useOn();
  const isOn = notifications || sound;
  const Icon = isOn ? IconBell : IconBellOff;
  return (
    <Popover position="top-start" withinPortal trapFocus width={300}>
      <Popover.Target>
        <Tooltip label={t("notify.title")}>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={t("notify.title")}>
            <Indicator disabled={isOn} size={7} offset={2} color="orange">
              <Icon size={20} style={{ display: "block" }} />
            </Indicator>
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("notify.title")}>
        <NotificationSwitches />
      </Popover.Dropdown>
    </Popover>
  );
}
