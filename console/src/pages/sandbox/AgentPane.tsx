// The agent: its system prompt, settings and whole file. Changes are a draft until they are published.
import { Box, Group, SegmentedControl, Stack, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { lazyPart } from "@/parts/lazyCode";
import { bodyOf, withBody } from "@/parts/promptBody";
import { Loading } from "@/parts/States";
import { CheckLine } from "./CheckLine";
import { NoModel } from "./NoModel";
import { type EditorHandle, PromptEditor } from "./PromptEditor";
import classes from "./Sandbox.module.css";
import type { Check } from "./useCheck";

const SettingsForm = lazyPart(async () => (await import("./SettingsForm")).SettingsForm);

type View = "prompt" | "settings" | "file";
type Props = { source: string; onChange: (source: string) => void; check: Check };

export function AgentPane({ source, onChange, check }: Props) {
  const { t } = useTranslation("sandbox");
  const [view, setView] = useState<View>("prompt");
  const editor = useRef<EditorHandle>(null);
  const [goal, setGoal] = useState<number>();
  const body = bodyOf(source);
  // The number of lines above the system prompt.
  const above = source.slice(0, source.length - body.length).split("\n").length - 1;
  const wrong = check.check?.error?.line;
  const inBody = wrong !== undefined && wrong > above ? wrong - above : undefined;

  const go = (line: number) => {
    if (view === "prompt" && line > above) editor.current?.goTo(line - above);
    else if (view === "file") editor.current?.goTo(line);
    else {
      setView("file");
      setGoal(line);
    }
  };
  useEffect(() => {
    if (goal === undefined || view !== "file") return;
    editor.current?.goTo(goal);
    setGoal(undefined);
  }, [goal, view]);

  return (
    <>
      <Box px={{ base: "md", md: 20 }} pt={12} pb={8}>
        <SegmentedControl
          value={view}
          onChange={setView}
          data={(["prompt", "settings", "file"] as const).map((name) => ({
            value: name,
            label: t(`tab.${name}`),
          }))}
          size="xs"
          aria-label={t("agent.title")}
        />
      </Box>
      {view === "settings" ? (
        <div className={classes.scroll} style={{ paddingBlockStart: 4 }}>
          <Suspense fallback={<Loading shape="form" rows={6} />}>
            <SettingsForm source={source} onChange={onChange} settings={check.check?.settings} />
          </Suspense>
        </div>
      ) : (
        <Stack className={classes.fill} gap={8} px={{ base: "md", md: 20 }}>
          <Text size="xs" c="dimmed">
            {view === "prompt" ? t("prompt.about") : t("prompt.fileAbout")}
          </Text>
          <NoModel px="xs" py={6} bg="var(--mantine-color-orange-light)" bdrs="md">
            {`${t("field.modelNone")} ${t("noModel.prompt")}`}
          </NoModel>
          <PromptEditor
            key={view}
            ref={editor}
            label={view === "prompt" ? t("prompt.label") : t("prompt.file")}
            value={view === "prompt" ? body : source}
            onChange={(text) => onChange(view === "prompt" ? withBody(source, text) : text)}
            known={check.known}
            line={view === "prompt" ? inBody : wrong}
            numbers={view === "file"}
          />
          <Variables check={check} onInsert={(name) => editor.current?.insert(`{{ ${name} }}`)} />
        </Stack>
      )}
      <Box px={{ base: "md", md: 20 }} py={10}>
        <CheckLine check={check} onGo={go} />
      </Box>
    </>
  );
}

/** All template variables, to insert at the cursor. */
function Variables({ check, onInsert }: { check: Check; onInsert: (name: string) => void }) {
  const { t } = useTranslation("sandbox");
  const known = check.check?.known ?? [];
  const used = new Set(check.check?.variables);
  if (known.length === 0) return null;
  return (
    <Group gap={6} align="center">
      <Text size="xs" c="dimmed">
        {t("prompt.variables")}
      </Text>
      {known.map(({ name, about }) => (
        <Tooltip key={name} label={about} multiline maw={260}>
          <UnstyledButton
            onClick={() => onInsert(name)}
            aria-label={t("prompt.insert", { name, about })}
            px={6}
            fz="xs"
            ff="monospace"
            dir="ltr"
            c={used.has(name) ? "var(--mantine-primary-color-light-color)" : "var(--mantine-color-text)"}
            style={{
              borderRadius: 4,
              border: "1px solid var(--mantine-color-default-border)",
              background: used.has(name) ? "var(--mantine-primary-color-light)" : undefined,
            }}
          >
            {name}
          </UnstyledButton>
        </Tooltip>
      ))}
    </Group>
  );
}
