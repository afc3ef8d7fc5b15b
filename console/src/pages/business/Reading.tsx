// The second step: the website is being read.
import { Alert, Button, Group, Loader, Paper, Stack, Text, Title } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Async } from "@/parts/States";
import { usePageReason } from "../knowledge/failure";

type Props = { collection: string; whenRead: () => void; again: () => void };

/** How often the progress is asked for, in milliseconds. */
const EVERY = 1_000;

export function Reading({ collection, whenRead, again }: Props) {
  const { t } = useTranslation("business");
  const reasonOf = usePageReason();
  const sources = $api.useQuery(
    "get",
    "/api/v1/collections/{name}/sources",
    { params: { path: { name: collection } } },
    { refetchInterval: ({ state }) => (state.data?.some((one) => one.state !== "waiting") ? false : EVERY) },
  );
  const source = sources.data?.[0];
  const isReading = source?.state === "waiting";
  const collections = $api.useQuery(
    "get",
    "/api/v1/collections",
    {},
    { refetchInterval: isReading ? EVERY : false },
  );
  const pages = collections.data?.find(({ slug }) => slug === collection)?.ready ?? 0;
  const isRead = source?.state === "ready" || source?.state === "partial";
  const told = useRef(false);
  useEffect(() => {
    if (!isRead || told.current) return;
    told.current = true;
    whenRead();
  }, [isRead, whenRead]);
  return (
    <Paper withBorder p={{ base: "md", sm: "lg" }}>
      <Async query={sources} rows={2}>
        {() => (
          <Stack>
            <Title order={2}>{t(source?.state === "failed" ? "reading.failed" : "reading.title")}</Title>
            {source?.state === "failed" ? (
              <Alert color="red">
                <bdi dir="ltr">{source.url}</bdi>
                {source.error && <>: {reasonOf(source.error, source.error_code)}</>}
              </Alert>
            ) : (
              <Group gap="sm" role="status">
                <Loader size="sm" type="dots" />
                <Text size="sm">
                  {t("reading.pages", { count: pages })} <bdi dir="ltr">{source?.url}</bdi>
                </Text>
              </Group>
            )}
            {isReading && <Text size="sm">{t("reading.about")}</Text>}
            <Group gap="xs">
              {isReading && pages > 0 && <Button onClick={whenRead}>{t("reading.now")}</Button>}
              <Button variant="default" onClick={again}>
                {t("reading.other")}
              </Button>
            </Group>
          </Stack>
        )}
      </Async>
    </Paper>
  );
}
