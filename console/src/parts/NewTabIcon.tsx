// Marks a link that opens in a new tab, for the eyes and for a screen reader.
import { IconExternalLink } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

export function NewTabIcon() {
  const { t } = useTranslation();
  return (
    <IconExternalLink
      size={14}
      role="img"
      aria-label={t("action.newTab")}
      className="flip"
      style={{ verticalAlign: "-2px", marginInlineStart: 4 }}
    />
  );
}
