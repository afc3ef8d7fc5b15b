// The second step: drop files and follow their progress.
import "@mantine/dropzone/styles.css";
import { Anchor, Group, List, Progress, Stack, Text } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileUpload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, Failure, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { useSay } from "@/parts/say";
import { useFailure } from "../knowledge/failure";
import { upload, useUploads } from "../knowledge/uploads";
import { firstCollection, target } from "./progress";

type Props = { collections: Schemas["Collection"][]; agent: string; isDemo: boolean; own: boolean };

export function DocumentsStep({ collections, agent, isDemo, own }: Props) {
  const { t } = useTranslation("start");
  const say = useSay();
  const [making, setMaking] = useState(false);
  const into = target(collections, agent);
  const name = into?.slug ?? firstCollection;
  const take = async (files: File[]) => {
    if (!into) {
      setMaking(true);
      try {
        await api.POST("/api/v1/collections", { body: { slug: name } });
      } catch (error) {
        // Someone else has created it in the meantime.
        if (!(error instanceof Failure && error.status === 409)) return say.failed(error);
      } finally {
        setMaking(false);
      }
      reread("/api/v1/collections");
    }
    upload(name, files);
  };
  const isGuarded = !!into && into.guards.length > 0;
  return (
    <Stack gap="sm">
      <DocumentCounts collections={collections} isDemo={isDemo && !own} />
      {collections
        .filter(({ failures }) => failures > 0)
        .map((one) => (
          <FailedDocuments key={one.id} collection={one} />
        ))}
      {isGuarded ? (
        <Text size="sm">{t("documents.guarded", { name })}</Text>
      ) : (
        <>
          <Dropzone
            onDrop={(files) => void take(files)}
            loading={making}
            p="md"
            inputProps={{ "aria-label": t("documents.drop") }}
          >
            <Group gap="sm" wrap="nowrap" style={{ pointerEvents: "none" }}>
              <IconFileUpload size={28} stroke={1.5} aria-hidden style={{ flex: "none" }} />
              <div>
                <Text size="sm" fw={500}>
                  {t("documents.drop")}
                </Text>
                <Text size="xs" c="dimmed">
                  {t("documents.kinds")}
                </Text>
              </div>
            </Group>
          </Dropzone>
          <UploadList collection={name} />
          <Text size="sm" c="dimmed">
            {t(into?.origin === "demo" ? "documents.intoDemo" : "documents.into", { name })}
          </Text>
        </>
      )}
      <Anchor component={Link} to="/knowledge" size="sm" w="fit-content">
        {t("documents.open")}
      </Anchor>
    </Stack>
  );
}

/** The number of documents, and how many are learned. */
function DocumentCounts({ collections, isDemo }: { collections: Schemas["Collection"][]; isDemo: boolean }) {
  const { t } = useTranslation("start");
  const format = useFormat();
  const sum = (of: "ready" | "learning" | "failures") => collections.reduce((all, one) => all + one[of], 0);
  const [ready, learning, failures] = [sum("ready"), sum("learning"), sum("failures")];
  const parts = [
    t("documents.ready", { count: ready }),
    learning > 0 ? t("documents.learning", { count: learning }) : "",
    failures > 0 ? t("documents.failures", { count: failures }) : "",
  ].filter(Boolean);
  return (
    <Text size="sm" role="status">
      {ready + learning + failures === 0 ? t("documents.none") : format.list(parts)}
      {isDemo && ready > 0 && <> · {t("documents.demoOnly")}</>}
    </Text>
  );
}

/** At most this many documents of a collection are named. */
const NAMED = 5;

/** The documents of a collection that could not be read, by name. */
function FailedDocuments({ collection: { slug, failures } }: { collection: Schemas["Collection"] }) {
  const { t } = useTranslation("start");
  const failureOf = useFailure();
  const { data } = $api.useQuery("get", "/api/v1/collections/{name}/documents", {
    params: { path: { name: slug }, query: { state: "failed", limit: NAMED } },
  });
  return (
    <>
      <List size="sm" spacing={2}>
        {data?.items.map((one) => (
          <List.Item key={one.id}>
            <bdi>{one.path}</bdi>: {failureOf(one).why}
          </List.Item>
        ))}
      </List>
      <Anchor
        renderRoot={(props) => <Link to="/knowledge/$collection" params={{ collection: slug }} {...props} />}
        size="sm"
        w="fit-content"
      >
        {failures > NAMED
          ? t("documents.others", { count: failures - NAMED })
          : t("documents.put", { name: slug })}
      </Anchor>
    </>
  );
}

/** Running and refused uploads. */
function UploadList({ collection }: { collection: string }) {
  const { t } = useTranslation("start");
  const failureOf = useFailure();
  const mine = useUploads().filter((one) => one.collection === collection);
  if (mine.length === 0) return null;
  return (
    <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
      {mine.map(({ id, name, size, sent, state, refused, error }) => (
        <li key={id}>
          {state === "failed" ? (
            <Text size="sm" c="red" role="alert">
              {t("documents.failed", { name })}
              {(refused || error) && <span dir="auto">: {refused ? failureOf(refused).why : error}</span>}
            </Text>
          ) : (
            <>
              <Text size="sm">{t("documents.sending", { name })}</Text>
              <Progress value={size ? (sent / size) * 100 : 100} aria-label={name} size="sm" mt={4} />
            </>
          )}
        </li>
      ))}
    </Stack>
  );
}
