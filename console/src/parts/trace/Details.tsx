// Everything that a turn's stages recorded, behind a fold that stays as it was left.
import { Alert, Stack, Text } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Fold } from "./Fold";
import { Passages } from "./Passages";
import { OffersSection, PromptSection, ReplySection, Rules, Search, TranscriptSection } from "./Sections";
import { Timings } from "./Timings";
import { figures, type Trace } from "./trace";

export function Details({ trace }: { trace: Trace }) {
  const { t } = useTranslation("trace");
  const [opened, setOpened] = useLocalStorage({
    key: "frontdesk.trace.details",
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  return (
    <Fold label={t("details")} opened={opened} onChange={setOpened}>
      {() => <StageDetails trace={trace} />}
    </Fold>
  );
}

function StageDetails({ trace }: { trace: Trace }) {
  const { t } = useTranslation("trace");
  const { wrong } = figures(trace);
  return (
    <Stack gap="md">
      {wrong.length > 0 && (
        <Alert color="orange" p="xs" icon={<IconAlertTriangle aria-hidden />} title={t("wrong.title")}>
          {wrong.map((why) => (
            <Text key={why} size="sm" dir="auto">
              {why}
            </Text>
          ))}
        </Alert>
      )}
      <Timings trace={trace} />
      <TranscriptSection trace={trace} />
      <Rules trace={trace} />
      <Search trace={trace} />
      <Passages trace={trace} />
      <PromptSection trace={trace} />
      <ReplySection trace={trace} />
      <OffersSection trace={trace} />
    </Stack>
  );
}
