// Saves a reply as a case of a suite and says where it was saved.
import { ActionIcon, Alert, Button, Group, Popover, Stack, Text, Textarea, Tooltip } from "@mantine/core";
import { IconChecklist } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { reread } from "@/api/queries";
import { useReason } from "@/parts/States";
import type { Position } from "./asking";
import { heardIn, historyFor, patchReply, saidIn, turnsOf } from "./conversation";
import type { Reply } from "./turn";

type Props = { at: Position; reply: Reply };

export function SaveCase({ at, reply }: Props) {
  const { t } = useTranslation("sandbox");
  const [opened, setOpened] = useState(false);
  if (reply.saved) return <SavedCaseLink saved={reply.saved} />;
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      width={340}
      position="bottom-end"
      trapFocus
      withinPortal
      shadow="md"
    >
      <Popover.Target>
        <Tooltip label={t("case.save")} disabled={opened}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            onClick={() => setOpened(!opened)}
            aria-label={t("case.save")}
            aria-expanded={opened}
            aria-haspopup="dialog"
            style={{ position: "absolute", insetInlineEnd: 0, insetBlockStart: 0 }}
          >
            <IconChecklist size={16} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("case.title")}>
        {opened && <Form at={at} reply={reply} onDone={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  );
}

function Form({ at, reply, onDone }: Props & { onDone: () => void }) {
  const { t } = useTranslation("sandbox");
  const reason = useReason();
  const { agent, id, side } = at;
  const turn = turnsOf(agent).find((one) => one.id === id);
  const [expected, setExpected] = useState(reply.outcome?.bubbles.join("\n\n") ?? reply.text);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  if (!turn) return null;
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const { data } = await api.POST("/api/v1/evals/cases", {
        body: {
          agent,
          history: historyFor(turnsOf(agent), side, id),
          text: saidIn(turn, reply),
          reply: expected,
        },
      });
      patchReply(agent, id, side, () => ({ saved: data }));
      reread("/api/v1/evals/suites");
      onDone();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return (
    <Stack gap="sm">
      <Text size="sm">{t("case.about", { suite: `saved-${agent}.yaml` })}</Text>
      <Textarea
        label={t("case.expected")}
        description={
          heardIn(reply) ? `${t("case.expectedAbout")} ${t("case.voice")}` : t("case.expectedAbout")
        }
        value={expected}
        onChange={(event) => setExpected(event.currentTarget.value)}
        autosize
        minRows={2}
        maxRows={8}
        dir="auto"
      />
      {error !== undefined && (
        <Alert color="red" p="xs">
          {reason(error)}
        </Alert>
      )}
      <Group justify="flex-end">
        <Button size="xs" onClick={() => void save()} loading={busy} data-autofocus>
          {t("case.yes")}
        </Button>
      </Group>
    </Stack>
  );
}

function SavedCaseLink({ saved }: { saved: NonNullable<Reply["saved"]> }) {
  const { t } = useTranslation("sandbox");
  const { suite, case: name, added } = saved;
  return (
    <Text size="xs" c="dimmed" role="status" mt={4}>
      {added ? t("case.saved", { suite, name }) : t("case.there", { suite, name })}{" "}
      <Link to="/evals" search={{ suite }} style={{ color: "var(--mantine-color-anchor)" }}>
        {t("case.open")}
      </Link>
    </Text>
  );
}
