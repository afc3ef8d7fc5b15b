// How this browser tells that a customer waits for a person.
import { ActionIcon, Indicator, Popover, Stack, Switch, Text, Tooltip } from "@mantine/core";
import { IconBell, IconBellOff } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { allow, choose, permission, ring, useChoice } from "./notify";

export function Notifications() {
  const { t } = useTranslation();
  const { notifications, sound } = useChoice();
  const [permitted, setPermitted] = useState(permission);
  const on = notifications && permitted === "granted";
  const Icon = on || sound ? IconBell : IconBellOff;
  const switchOn = async (wanted: boolean) => {
    if (wanted) setPermitted(await allow());
    else choose({ notifications: false });
  };
  const ringOn = (wanted: boolean) => {
    choose({ sound: wanted });
    if (wanted) ring();
  };
  return (
    <Popover
      position="top-start"
      withinPortal
      trapFocus
      width={300}
      onOpen={() => setPermitted(permission())}
    >
      <Popover.Target>
        <Tooltip label={t("notify.title")}>
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={t("notify.title")}>
            <Indicator disabled={on || sound} size={7} offset={2} color="orange">
              <Icon size={20} style={{ display: "block" }} />
            </Indicator>
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("notify.title")}>
        <Stack gap="sm">
          <Text size="sm">{t("notify.about")}</Text>
          <Switch
            label={t("notify.browser")}
            checked={on}
            disabled={permitted === "denied" || permitted === "unknown"}
            onChange={(event) => void switchOn(event.currentTarget.checked)}
          />
          {permitted === "denied" && (
            <Text size="sm" c="dimmed">
              {t("notify.denied")}
            </Text>
          )}
          {permitted === "unknown" && (
            <Text size="sm" c="dimmed">
              {t("notify.unknown")}
            </Text>
          )}
          <Switch
            label={t("notify.sound")}
            checked={sound}
            onChange={(event) => ringOn(event.currentTarget.checked)}
          />
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
