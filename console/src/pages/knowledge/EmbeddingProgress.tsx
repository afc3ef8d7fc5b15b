// What the embedding model has not read yet: until it has, these collections are searched by words alone.
import { Alert, Progress, Stack, Text } from "@mantine/core";
import { IconHourglass } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";

export function EmbeddingProgress() {
  const { t } = useTranslation(["knowledge", "common"]);
  const status = $api.useQuery(
    "get",
    "/api/v1/status",
    {},
    {
      refetchInterval: ({ state }) => (state.data?.embedding.length ? 3_000 : false),
    },
  );
  const left = status.data?.embedding ?? [];
  if (left.length === 0) return null;
  return (
    <Alert color="blue" icon={<IconHourglass aria-hidden />} title={t("embedding.title")} mb="md">
      <Stack gap="xs">
        <Text size="sm">{t("embedding.about")}</Text>
        {left.map(({ collection, done, total }) => (
          <div key={collection}>
            <Text size="sm">{t("embedding.progress", { collection, done, total })}</Text>
            <Progress size="sm" mt={4} value={(done / total) * 100} aria-label={collection} />
          </div>
        ))}
      </Stack>
    </Alert>
  );
}
