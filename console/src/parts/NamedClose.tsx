// Names the close button of every dialog and drawer in the reader's language.
import { MantineThemeProvider } from "@mantine/core";
import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";

export function NamedClose({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const name = t("action.close");
  const theme = useMemo(() => {
    const named = { defaultProps: { closeButtonProps: { "aria-label": name } } };
    return { components: { Modal: named, Drawer: named } };
  }, [name]);
  return <MantineThemeProvider theme={theme}>{children}</MantineThemeProvider>;
}
