// What one should have before one begins, with the pages where each is made.
import { List, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/api/words";
import { SiteLink } from "./FieldLocation";
import { guideOf } from "./guide";
import type { Provider } from "./provider";

/** Renders nothing for a provider without a guide. */
export function Needs({ provider }: { provider: Provider }) {
  const { t } = useTranslation("numbers");
  const guide = guideOf(provider.name);
  if (!guide) return null;
  return (
    <section aria-labelledby="needs">
      <Title order={3} id="needs" mb="xs">
        {t("need.title")}
      </Title>
      <List spacing="sm">
        {wordsOf(guide.needs).map((need) => (
          <List.Item key={need}>
            <Stack gap={2}>
              <Text size="sm" fw={600}>
                {t(`need.${need}.title`)}
              </Text>
              <Text size="sm">{t(`need.${need}.text`)}</Text>
              <SiteLink site={guide.needs[need]} />
            </Stack>
          </List.Item>
        ))}
      </List>
    </section>
  );
}
