// What the provider reported about a number and its account, the newest first.
import { Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { useAlertWords } from "@/parts/alertWords";
import { FoldedList } from "@/parts/FoldedList";
import { Async } from "@/parts/States";
import { When } from "@/parts/When";

export function History({ number }: { number: string }) {
  const { t } = useTranslation("numbers");
  const words = useAlertWords();
  const query = $api.useQuery("get", "/api/v1/events", { params: { query: { number } } });
  return (
    <Async query={query} empty={<Text size="sm">{t("health.none")}</Text>}>
      {(events) => (
        <FoldedList all={events}>
          {(shown) => (
            <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: "none" }} data-testid="history">
              {shown.map((event) => (
                <li key={event.id}>
                  <Text size="sm" fw={500} dir="auto">
                    {words({ code: event.code, text: event.alert }).title}
                    {event.code && event.detail && (
                      <>
                        : <bdi>{event.detail}</bdi>
                      </>
                    )}
                  </Text>
                  <Text size="xs" c="dimmed" component="div">
                    <When at={event.created_at} ago />
                  </Text>
                </li>
              ))}
            </Stack>
          )}
        </FoldedList>
      )}
    </Async>
  );
}
