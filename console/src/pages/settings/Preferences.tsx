// What is set in this browser alone: language, colours, notifications and the session.
import { Paper, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { useColours, useLanguage } from "@/shell/appearance";
import { NotificationSwitches } from "@/shell/Notifications";
import { SignOut } from "@/shell/SignOut";
import { Segments } from "./Segments";

type Props = { title: string; about?: string; children: ReactNode };

function Block({ title, about, children }: Props) {
  const id = useId();
  return (
    <Paper withBorder p="md" component="section" aria-labelledby={id}>
      <Stack gap="sm">
        <Title order={2} id={id}>
          {title}
        </Title>
        {about && <Text size="sm">{about}</Text>}
        {children}
      </Stack>
    </Paper>
  );
}

export function Preferences() {
  const { t } = useTranslation(["settings", "common"]);
  const language = useLanguage();
  const colours = useColours();
  return (
    <Stack>
      <Block title={t("common:notify.title")}>
        <NotificationSwitches />
      </Block>
      <Block title={t("common:preferences.language")} about={t("languageAbout")}>
        <Segments {...language} />
      </Block>
      <Block title={t("common:preferences.colours")} about={t("coloursAbout")}>
        <Segments {...colours} />
      </Block>
      <Block title={t("session")} about={t("sessionAbout")}>
        <SignOut worded />
      </Block>
    </Stack>
  );
}
