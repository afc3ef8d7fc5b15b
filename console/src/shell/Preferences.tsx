// The bottom of the menu: the finder, the shortcuts, and this browser's preferences as icons.
import { ActionIcon, Group, Tooltip } from "@mantine/core";
import { IconKeyboard, IconSearch } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useColours, useLanguage } from "./appearance";
import { Choice } from "./Choice";
import { showFinder } from "./Finder";
import { showKeys } from "./Keys";
import { Notifications } from "./Notifications";
import { SignOut } from "./SignOut";

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
      <Choice {...useLanguage()} />
      <Choice {...useColours()} />
      <SignOut />
    </Group>
  );
}
