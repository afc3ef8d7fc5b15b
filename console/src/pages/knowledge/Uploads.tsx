// Files being uploaded, and those that the server refused.
import { ActionIcon, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconRefresh, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { useProblem } from "@/parts/States";
import { useFailure } from "./failure";
import { drop, sendAgain, type Upload, useUploads } from "./uploads";

export function Uploads({ collection }: { collection: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const uploads = useUploads().filter((upload) => upload.collection === collection);
  if (uploads.length === 0) return null;
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="uploads">
      <Title order={2} id="uploads" mb="xs">
        {t("upload.title")}
      </Title>
      <Stack component="ul" gap="sm" p={0} m={0} style={{ listStyle: "none" }}>
        {uploads.map((upload) => (
          <Row key={upload.id} upload={upload} />
        ))}
      </Stack>
    </Paper>
  );
}

function Row({ upload }: { upload: Upload }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { id, name, state } = upload;
  const failed = state === "failed";
  return (
    <li data-testid="upload">
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" fw={500} dir="auto">
          {name}
        </Text>
        <Group gap={4} wrap="nowrap">
          {failed && (
            <ActionIcon
              variant="subtle"
              color="gray"
              onClick={() => sendAgain(id)}
              aria-label={t("upload.again", { name })}
            >
              <IconRefresh size={18} />
            </ActionIcon>
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            onClick={() => drop(id)}
            aria-label={t(failed ? "upload.dismiss" : "upload.stop", { name })}
          >
            <IconX size={18} />
          </ActionIcon>
        </Group>
      </Group>
      {failed ? <FailureReason upload={upload} /> : <UploadProgress upload={upload} />}
    </li>
  );
}

/** The upload's progress. */
function UploadProgress({ upload }: { upload: Upload }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const format = useFormat();
  const { name, size, sent, state } = upload;
  const share = state === "taking" || size === 0 ? 1 : sent / size;
  const said =
    state === "sending" ? t("upload.sending", { percent: format.share(share) }) : t(`upload.${state}`);
  return (
    <Group gap="sm" wrap="nowrap">
      <Progress
        value={state === "waiting" ? 0 : share * 100}
        animated={state === "taking"}
        style={{ flex: 1 }}
        aria-label={t("upload.progress", { name })}
      />
      <Text size="xs" c="dimmed" miw={110}>
        {said} · {format.size(size)}
      </Text>
    </Group>
  );
}

function FailureReason({ upload }: { upload: Upload }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const failure = useFailure();
  const worded = useProblem();
  const { why, what } = upload.refused
    ? failure(upload.refused)
    : {
        why: upload.error ? worded(upload.error, upload.code) : t("common:error.unreachable"),
        what: undefined,
      };
  return (
    <Group gap={6} wrap="nowrap" align="flex-start" c="red" role="alert">
      <IconAlertTriangle size={16} aria-hidden style={{ flexShrink: 0, marginBlockStart: 2 }} />
      <div>
        <Text size="sm">
          {t("upload.failed")}: {why}
        </Text>
        {what && (
          <Text size="sm" c="var(--mantine-color-text)">
            {t("documents.remedy", { remedy: what })}
          </Text>
        )}
      </div>
    </Group>
  );
}
