// Shown in place of a page that crashed or does not exist.
import { Anchor, Button, Center, Stack, Text, Title } from "@mantine/core";
import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Failed } from "@/parts/States";

export function ErrorPage({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <Stack p="xl" maw={720} mx="auto">
      <Title order={1}>{t("error.page")}</Title>
      <Failed error={error} again={reset} />
      <Button component="a" href="/" variant="default" w="fit-content">
        {t("error.home")}
      </Button>
    </Stack>
  );
}

export function NotFoundPage() {
  const { t } = useTranslation();
  return (
    <Center mih="60vh" p="xl">
      <Stack align="center" gap="xs">
        <Title order={1}>{t("error.nowhere")}</Title>
        <Text c="dimmed">{t("error.nowhereAbout")}</Text>
        <Anchor component={Link} to="/">
          {t("error.home")}
        </Anchor>
      </Stack>
    </Center>
  );
}
