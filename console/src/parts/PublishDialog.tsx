// Publishes a version: shows its changes, runs its gate and shows the verdict.
import { Alert, Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconShieldCheck } from "@tabler/icons-react";
import { Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, api, Failure, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useConfirm } from "./Confirm";
import { LineDiff } from "./Diff";
import { GateVerdict, type Verdict } from "./GateVerdict";
import { headerValue } from "./promptFile";
import { SettingChanges } from "./SettingChanges";
import { Async, Failed } from "./States";
import { useSay } from "./say";

type Props = {
  /** The agent's slug. */
  agent: string;
  /** The prompt file to publish. */
  source: string;
  /** Rolls back to this version; `source` is then its file. */
  version?: number;
  opened: boolean;
  onClose: () => void;
  /** Called when the version is live. */
  onPublished?: (version: number) => void;
};

type PublishStep = "trying" | "publishing" | undefined;

/** The gate's verdict in an error response. */
function refusal(error: unknown): Verdict | undefined {
  const found = error instanceof Failure ? error.problem?.verdict : undefined;
  return found && "passed" in found ? found : undefined;
}

export function PublishDialog(props: Props) {
  // While its texts load, the page around it stays.
  return (
    <Suspense>
      <Dialog {...props} />
    </Suspense>
  );
}

function Dialog(props: Props) {
  const { t } = useTranslation("sandbox");
  const { version, opened, onClose } = props;
  const [busy, setBusy] = useState(false);
  return (
    <Modal
      opened={opened}
      // A running gate cannot be stopped; closing would only hide its verdict.
      onClose={busy ? () => {} : onClose}
      size="xl"
      title={version === undefined ? t("publish.title") : t("publish.backTitle", { version })}
    >
      {opened && <PublishForm {...props} onBusy={setBusy} />}
    </Modal>
  );
}

function PublishForm({
  agent,
  source,
  version,
  onClose,
  onPublished,
  onBusy,
}: Props & { onBusy: (busy: boolean) => void }) {
  const { t } = useTranslation("sandbox");
  const { t: c } = useTranslation();
  const confirm = useConfirm();
  const say = useSay();
  const live = $api.useQuery("get", "/api/v1/agents/{agent}", { params: { path: { agent } } });
  const [doing, setDoing] = useState<PublishStep>();
  const [verdict, setVerdict] = useState<Verdict>();
  const [note, setNote] = useState("");
  const [error, setError] = useState<unknown>();
  useEffect(() => onBusy(!!doing), [doing, onBusy]);

  const ask = async (wanted: Pick<Schemas["Publish"], "dry_run" | "force">) => {
    setDoing(wanted.dry_run ? "trying" : "publishing");
    setError(undefined);
    try {
      const what = version === undefined ? { source } : { version };
      const { data } = await api.POST("/api/v1/agents/{agent}/publish", {
        params: { path: { agent } },
        body: { ...what, ...wanted, note },
      });
      setVerdict(data?.verdict ?? undefined);
      if (data && !wanted.dry_run) {
        reread("/api/v1/agents", "/api/v1/agents/{agent}", "/api/v1/agents/{agent}/versions");
        say.done(t("publish.done", { version: data.version }));
        onPublished?.(data.version);
        onClose();
      }
    } catch (problem) {
      const said = refusal(problem);
      if (said) setVerdict(said);
      else setError(problem);
    } finally {
      setDoing(undefined);
    }
  };

  const force = async () => {
    const sure = await confirm({
      title: t("publish.forceTitle"),
      text: t("publish.forceAbout"),
      yes: t("publish.force"),
      danger: true,
    });
    if (sure) await ask({ force: true });
  };

  return (
    <Async query={live}>
      {(agentNow) => {
        const gate = gateOf(source) ?? gateOf(agentNow.source);
        const same = agentNow.source === source;
        return (
          <Stack>
            <Text size="sm">{t("publish.about", { version: agentNow.version })}</Text>
            <SettingChanges before={agentNow.source} after={source} />
            <LineDiff before={agentNow.source} after={source} label={t("publish.difference")} mah="40dvh" />
            {/* A version keeps the note that it was first published with. */}
            {!same && version === undefined && (
              <Textarea
                label={t("publish.note")}
                description={t("publish.noteAbout")}
                value={note}
                onChange={(event) => setNote(event.currentTarget.value)}
                maxLength={300}
                autosize
                maxRows={4}
                dir="auto"
              />
            )}
            {gate && !same && !verdict && (
              <Alert color="gray" icon={<IconShieldCheck aria-hidden />} title={t("publish.gate")}>
                <Text size="sm">
                  {t("publish.gateAbout")} <bdi>{gate.suite}</bdi> · <bdi dir="ltr">{gate.rule}</bdi>
                </Text>
              </Alert>
            )}
            <div aria-live="polite">
              {doing && gate && (
                <Text size="sm" c="dimmed">
                  {t("publish.running")}
                </Text>
              )}
              {verdict && !doing && <GateVerdict verdict={verdict} />}
            </div>
            {error !== undefined && <Failed error={error} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose} disabled={!!doing}>
                {c("action.cancel")}
              </Button>
              {gate && !same && (
                <Button
                  variant="default"
                  onClick={() => void ask({ dry_run: true })}
                  loading={doing === "trying"}
                  disabled={!!doing}
                >
                  {t("publish.try")}
                </Button>
              )}
              {verdict && !verdict.passed ? (
                <Button
                  color="red"
                  leftSection={<IconAlertTriangle size={16} aria-hidden />}
                  onClick={() => void force()}
                  loading={doing === "publishing"}
                  disabled={!!doing}
                >
                  {t("publish.force")}
                </Button>
              ) : (
                <Button
                  leftSection={<IconCheck size={16} aria-hidden />}
                  onClick={() => void ask({})}
                  loading={doing === "publishing"}
                  disabled={!!doing || same}
                >
                  {version === undefined ? t("publish.yes") : t("publish.backYes", { version })}
                </Button>
              )}
            </Group>
          </Stack>
        );
      }}
    </Async>
  );
}

/**
 * The gate in a prompt file's header. A file that drops its gate still has to pass the live one's: the server
 * enforces that.
 */
function gateOf(source: string): { suite: string; rule: string } | undefined {
  const gate = headerValue(source, ["gate"]);
  if (!gate || typeof gate !== "object" || !("suite" in gate)) return undefined;
  const rule = "rule" in gate && typeof gate.rule === "string" ? gate.rule : "no case worse";
  return { suite: String(gate.suite), rule };
}
