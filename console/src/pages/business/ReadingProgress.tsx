// The second step: the website is being read.
import { Alert, Button, Group, Loader, Paper, Stack, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { reread } from "@/api/queries";
import { Async } from "@/parts/States";
import { usePageReason } from "../knowledge/failure";
import { StepTitle } from "./StepTitle";

type Props = { collection: string; whenRead: () => void; again: () => void };

/** How often the progress is asked for, in milliseconds. */
const EVERY = 1_000;

export function ReadingProgress({ collection, whenRead, again }: Props) {
  const { t } = useTranslation("business");
  const reasonOf = usePageReason();
  const sources = $api.useQuery(
    "get",
    "/api/v1/collections/{name}/sources",
    { params: { path: { name: collection } } },
    { refetchInterval: ({ state }) => (state.data?.some((one) => one.state === "waiting") ? EVERY : false) },
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
  // An address without a website, such as an old link.
  const isGone = sources.data?.length === 0;
  const told = useRef(false);
  useEffect(() => {
    if (!isRead || told.current) return;
    told.current = true;
    whenRead();
  }, [isRead, whenRead]);
  const removing = $api.useMutation("delete", "/api/v1/collections/{name}", {
    // What an agent already answers from stays.
    onSettled: () => {
      reread("/api/v1/collections");
      again();
    },
  });
  useEffect(() => {
    if (isGone) again();
  }, [isGone, again]);
  return (
    <Paper withBorder p={{ base: "md", sm: "lg" }}>
      <Async query={sources} rows={2}>
        {() => (
          <Stack>
            <StepTitle>{t(source?.state === "failed" ? "reading.failed" : "reading.title")}</StepTitle>
            {source?.state === "failed" ? (
              <Alert color="red">
                <bdi dir="ltr">{source.url}</bdi>
                {source.error && <>: {reasonOf(source.error, source.error_code)}</>}
              </Alert>
            ) : (
              <Group gap="sm">
                <Loader size="sm" type="dots" />
                <Text size="sm">
                  {t("reading.pages", { count: pages })} <bdi dir="ltr">{source?.url}</bdi>
                </Text>
              </Group>
            )}
            {isReading && <Text size="sm">{t("reading.about")}</Text>}
            <Group gap="xs">
              {isReading && pages > 0 && <Button onClick={whenRead}>{t("reading.now")}</Button>}
              <Button
                variant="default"
                loading={removing.isPending}
                onClick={() => removing.mutate({ params: { path: { name: collection } } })}
              >
                {t("reading.other")}
              </Button>
            </Group>
          </Stack>
        )}
      </Async>
    </Paper>
  );
}
