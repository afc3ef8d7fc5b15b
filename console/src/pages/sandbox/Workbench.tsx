// The sandbox of one agent: its draft, who answers, and the dialogs.
import { Anchor, Box, SegmentedControl, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useConfirm } from "@/parts/Confirm";
import { lazyDialog } from "@/parts/lazyDialog";
import { useSay } from "@/parts/say";
import { useOffers } from "@/shell/Finder";
import { useKeys } from "@/shell/Keys";
import { AgentPane } from "./AgentPane";
import { clear, send } from "./asking";
import { ConversationPane } from "./ConversationPane";
import { draftOf, keepDraft, useDraft } from "./drafts";
import { type Actions, Head } from "./Head";
import classes from "./Sandbox.module.css";
import { type Choice, drafted, useSides, useVersions, type Version } from "./sides";
import { useCheck } from "./useCheck";
import { useDeleteAgent } from "./useDeleteAgent";

const RunDraft = lazyDialog(async () => (await import("../evals/RunDraft")).RunDraft);
const PublishDialog = lazyDialog(async () => (await import("@/parts/PublishDialog")).PublishDialog);
const HistoryDrawer = lazyDialog(async () => (await import("./HistoryDrawer")).HistoryDrawer);
const GenerateDialog = lazyDialog(async () => (await import("./GenerateDialog")).GenerateDialog);
const RenameDialog = lazyDialog(async () => (await import("./RenameDialog")).RenameDialog);

type Props = {
  live: Schemas["Agent"];
  agents: Schemas["Agent"][];
  /** From the address: the version that answers, and a question to ask at once. */
  first: { version?: string; ask?: string };
  onAgent: (slug: string) => void;
  onNew: () => void;
  onGone: () => void;
  onAsked: () => void;
};

type Dialog = "history" | "generate" | "publish" | "rename" | "run" | { version: Version } | undefined;

export function Workbench({ live, agents, first, onAgent, onNew, onGone, onAsked }: Props) {
  const { t } = useTranslation("sandbox");
  const confirm = useConfirm();
  const say = useSay();
  const agent = live.slug;
  const draft = useDraft(live);
  const { source, set, reset, changed } = draft;
  const check = useCheck(agent, source);
  const versions = useVersions(agent).data?.items ?? none;
  const [choices, setChoices] = useState<Choice[]>([
    { version: first.version && Number(first.version) > 0 ? Number(first.version) : "draft", model: "" },
  ]);
  const sides = useSides(choices, source, versions);
  const comparing = choices.length > 1;
  const [dialog, setDialog] = useState<Dialog>();
  const [pane, setPane] = useState<"agent" | "conversation">("conversation");
  const narrow = useMediaQuery("(max-width: 62em)", undefined, { getInitialValueInEffect: false });
  const message = useRef<HTMLTextAreaElement>(null);
  useAsk({
    agent,
    ask: first.ask,
    ready: choices.every(({ version }) => version === "draft" || versions.length > 0),
    sides,
    onAsked,
  });

  const compare = () =>
    setChoices((now) =>
      now.length > 1
        ? [{ ...drafted }]
        : [{ version: changed ? live.version : (now[0]?.version ?? "draft"), model: "" }, { ...drafted }],
    );
  const throwAway = async () => {
    const sure = await confirm({
      title: t("agent.throwAwayTitle"),
      text: t("agent.throwAwayAbout", { version: live.version }),
      yes: t("agent.throwAwayYes"),
      danger: true,
    });
    if (sure) reset();
  };
  const deleteAgent = useDeleteAgent();
  const remove = async () => {
    if (!(await deleteAgent(live))) return;
    reset();
    clear(agent);
    onGone();
  };
  const restore = async (version: Version) => {
    const sure =
      !changed ||
      (await confirm({
        title: t("history.restoreTitle"),
        text: t("history.restoreAbout", { version: version.version }),
        yes: t("history.restoreYes"),
        danger: true,
      }));
    if (!sure) return;
    set(version.source);
    setDialog(undefined);
    say.done(t("history.restored", { version: version.version }));
  };
  const acts: Actions = {
    publish: () => setDialog("publish"),
    history: () => setDialog("history"),
    generate: () => setDialog("generate"),
    difference: () => setDialog("publish"),
    throwAway: () => void throwAway(),
    compare,
    make: onNew,
    rename: () => setDialog("rename"),
    remove: () => void remove(),
    run: () => setDialog("run"),
  };
  useShortcuts(acts, changed, () => {
    setPane("conversation");
    requestAnimationFrame(() => message.current?.focus());
  });
  const rolled = typeof dialog === "object" ? dialog.version : undefined;

  return (
    <div className={classes.page}>
      <Head
        agents={agents}
        live={live}
        onAgent={onAgent}
        changed={changed}
        publishable={check.check?.ok !== false || check.old}
        comparing={comparing}
        acts={acts}
      />
      {draft.overtaken && (
        <Text size="sm" px="lg" py={6} bg="var(--mantine-color-orange-light)" role="status">
          {t("agent.newer", { version: live.version })}{" "}
          <Anchor
            component="button"
            type="button"
            inherit
            underline="always"
            c="inherit"
            onClick={acts.difference}
          >
            {t("agent.showDifference")}
          </Anchor>
        </Text>
      )}
      {narrow && (
        <Box px="md" pt="sm">
          <SegmentedControl
            fullWidth
            value={pane}
            onChange={setPane}
            data={[
              { value: "agent", label: t("agent.title") },
              { value: "conversation", label: t("tab.conversation") },
            ]}
            aria-label={t("title")}
          />
        </Box>
      )}
      <div className={classes.panes} data-single={narrow || undefined} data-compare={comparing || undefined}>
        {(!narrow || pane === "agent") && (
          <section className={classes.pane} aria-label={t("agent.title")}>
            <AgentPane source={source} onChange={set} check={check} />
          </section>
        )}
        {(!narrow || pane === "conversation") && (
          <section className={classes.pane} aria-label={t("conversation.title")}>
            <ConversationPane
              agent={agent}
              sides={sides}
              choices={choices}
              onChoices={setChoices}
              versions={versions}
              ref={message}
            />
          </section>
        )}
      </div>
      <HistoryDrawer
        agent={agent}
        draft={source}
        opened={dialog === "history"}
        onClose={() => setDialog(undefined)}
        onRestore={(version) => void restore(version)}
        onRollBack={(version) => setDialog({ version })}
      />
      <GenerateDialog
        opened={dialog === "generate"}
        onClose={() => setDialog(undefined)}
        source={source}
        changed={changed}
        onWritten={(written) => {
          set(written);
          setPane("agent");
          say.done(t("generate.done"));
        }}
      />
      <RunDraft draft={{ agent, source }} opened={dialog === "run"} onClose={() => setDialog(undefined)} />
      <RenameDialog
        opened={dialog === "rename"}
        onClose={() => setDialog(undefined)}
        agent={agent}
        taken={agents.map(({ slug }) => slug)}
        onRenamed={(slug) => {
          keepDraft(slug, draftOf(agent));
          keepDraft(agent, null);
          clear(agent);
          onAgent(slug);
        }}
      />
      <PublishDialog
        agent={agent}
        source={rolled?.source ?? source}
        version={rolled?.version}
        opened={dialog === "publish" || !!rolled}
        onClose={() => setDialog(undefined)}
        // A published draft is no draft any more; one stays when another version is rolled back to.
        onPublished={() => !rolled && reset()}
      />
    </div>
  );
}

const none: Version[] = [];

/** Asks the question in the address, once. */
function useAsk({
  agent,
  ask,
  ready,
  sides,
  onAsked,
}: {
  agent: string;
  ask?: string;
  ready: boolean;
  sides: Parameters<typeof send>[1];
  onAsked: () => void;
}) {
  const asked = useRef<string>(undefined);
  useEffect(() => {
    if (!ask || !ready || asked.current === ask) return;
    asked.current = ask;
    send(agent, sides, ask);
    onAsked();
  }, [agent, ask, ready, sides, onAsked]);
}

/** Keys and finder entries of this page. */
function useShortcuts(acts: Actions, changed: boolean, write: () => void) {
  const { t } = useTranslation("sandbox");
  const now = useRef({ acts, write });
  now.current = { acts, write };
  const keys = useMemo(
    () => [
      { key: "m", about: t("conversation.placeholder"), act: later(() => now.current.write()) },
      { key: "c", about: t("compare.start"), act: later(() => now.current.acts.compare()) },
      { key: "h", about: t("agent.history"), act: later(() => now.current.acts.history()) },
    ],
    [t],
  );
  useKeys(keys);
  const offers = useMemo(
    () => [
      ...(changed
        ? [{ id: "publish", label: t("agent.publish"), onClick: () => now.current.acts.publish() }]
        : []),
      { id: "compare", label: t("compare.start"), onClick: () => now.current.acts.compare() },
      { id: "history", label: t("agent.history"), onClick: () => now.current.acts.history() },
      { id: "generate", label: t("agent.generate"), onClick: () => now.current.acts.generate() },
      { id: "run", label: t("agent.run"), onClick: () => now.current.acts.run() },
      { id: "make", label: t("agent.new"), onClick: () => now.current.acts.make() },
    ],
    [t, changed],
  );
  useOffers(offers);
}

/** Prevents the key from being typed into the element that gets the focus. */
function later(act: () => void) {
  return (event: KeyboardEvent) => {
    event.preventDefault();
    act();
  };
}
