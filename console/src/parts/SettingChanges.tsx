// The difference between two prompt files in words: each setting that changes, and whether the prompt does.
import { Code, List, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { useCollectionNames } from "./collectionName";
import { promptDiffers, type SettingChange, type SettingValue, settingChanges } from "./settingChanges";
import { useSettingName } from "./settingName";

export function SettingChanges({ before, after }: { before: string; after: string }) {
  const { t } = useTranslation("sandbox");
  const changes = useMemo(() => settingChanges(before, after), [before, after]);
  const isPrompt = useMemo(() => promptDiffers(before, after), [before, after]);
  if (!changes || before === after) return null;
  if (changes.length === 0 && !isPrompt) return <Text size="sm">{t("changes.layout")}</Text>;
  return (
    <List size="sm" spacing={2} aria-label={t("changes.title")}>
      {isPrompt && <List.Item>{t("changes.prompt")}</List.Item>}
      {changes.map((change) => (
        <List.Item key={change.path}>
          <Line change={change} />
        </List.Item>
      ))}
    </List>
  );
}

function Line({ change }: { change: SettingChange }) {
  const { t } = useTranslation("sandbox");
  const format = useFormat();
  const nameOf = useSettingName();
  const collectionNamed = useCollectionNames();
  const name = nameOf(change.path);
  const label = name ? (
    <Text span inherit fw={600}>
      {name}
    </Text>
  ) : (
    <Code dir="ltr">{change.path}</Code>
  );
  const named = (word: string) => (change.path === "knowledge" ? collectionNamed(word) : word);
  // Isolated: each is in a language of its own.
  const quoted = (words: string[]) =>
    format.list(words.map((word) => t("changes.quoted", { word: `\u2068${named(word)}\u2069` })));
  if ("order" in change)
    return (
      <>
        {label}: <span dir="auto">{t("changes.order", { words: quoted(change.order) })}</span>
      </>
    );
  if ("added" in change) {
    const { added, removed } = change;
    const parts = [
      added.length > 0 && t("changes.added", { words: quoted(added) }),
      removed.length > 0 && t("changes.removed", { words: quoted(removed) }),
    ].filter(Boolean);
    return (
      <>
        {label}: <span dir="auto">{parts.join("; ")}</span>
      </>
    );
  }
  const said = (value: SettingValue | undefined) => {
    if (value === undefined || value === null) return t("changes.unset");
    if (typeof value === "boolean") return t(value ? "changes.on" : "changes.off");
    return typeof value === "number" ? format.number(value, 3) : t("changes.quoted", { word: value });
  };
  return (
    <>
      {label}: <bdi>{said(change.before)}</bdi> {t("changes.to")} <bdi>{said(change.after)}</bdi>
    </>
  );
}
