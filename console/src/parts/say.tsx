// Notifications: an action is done, or why it failed.
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useReason } from "./States";

/** Usage: `say.done("Saved")`, `say.failed(error)`. */
export function useSay() {
  const { t } = useTranslation();
  const reason = useReason();
  return useMemo(
    () => ({
      done: (message: string) =>
        notifications.show({
          message,
          color: "teal",
          icon: <IconCheck size={18} aria-hidden />,
          closeButtonProps: { "aria-label": t("action.close") },
        }),
      failed: (error: unknown) =>
        notifications.show({
          message: reason(error),
          color: "red",
          icon: <IconAlertTriangle size={18} aria-hidden />,
          autoClose: 10_000,
          closeButtonProps: { "aria-label": t("action.close") },
        }),
    }),
    [t, reason],
  );
}
