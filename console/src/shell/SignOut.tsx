// Signing out, of this browser or of every one: two buttons, or an icon with a menu.
import { ActionIcon, Button, Group, Menu, Tooltip } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { signOut, signOutEverywhere } from "@/api/session";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";

function useSignOut() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const say = useSay();
  const confirm = useConfirm();
  const leave = (out: () => Promise<void>) =>
    out().then(
      () => navigate({ to: "/sign-in" }),
      (error) => say.failed(error),
    );
  return {
    here: () => void leave(signOut),
    everywhere: async () => {
      const sure = await confirm({
        title: t("preferences.everywhereTitle"),
        text: t("preferences.everywhereText"),
        yes: t("preferences.everywhereYes"),
        danger: true,
      });
      if (sure) await leave(signOutEverywhere);
    },
  };
}

/** `worded`: buttons; otherwise only an icon. */
export function SignOut({ worded = false }: { worded?: boolean }) {
  const { t } = useTranslation();
  const { here, everywhere } = useSignOut();
  if (worded)
    return (
      <Group gap="xs">
        <Button variant="default" onClick={here}>
          {t("preferences.signOut")}
        </Button>
        <Button variant="default" c="var(--mantine-color-error)" onClick={() => void everywhere()}>
          {t("preferences.everywhereYes")}
        </Button>
      </Group>
    );
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
        <Menu.Item onClick={here}>{t("preferences.signOutHere")}</Menu.Item>
        <Menu.Item color="red" onClick={() => void everywhere()}>
          {t("preferences.signOutEverywhere")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
