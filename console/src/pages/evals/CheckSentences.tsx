// What must hold of the answer to a case, in words.
import { Code, List, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useLanguageNames } from "@/parts/languages";
import { checkYaml } from "./caseYaml";
import { type Check, fieldOf, kindOf, textOf } from "./checks";

export function CheckSentences({ checks }: { checks: Check[] }) {
  return (
    <List size="sm" spacing={2} c="dimmed">
      {checks.map((check, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a check is nothing but its place and its words.
        <List.Item key={at}>
          <CheckSentence check={check} />
        </List.Item>
      ))}
    </List>
  );
}

function CheckSentence({ check }: { check: Check }) {
  const { t } = useTranslation("evals");
  const languageName = useLanguageNames();
  const kind = kindOf(check);
  if (!kind) return <Code dir="ltr">{checkYaml(check).replaceAll("\n", " ")}</Code>;
  if (fieldOf(kind) === "none") return t(`check.${kind}`);
  const value = textOf(check);
  return (
    <>
      {t(`check.${kind}`)}:{" "}
      <Text span size="sm" c="var(--mantine-color-text)" style={{ whiteSpace: "pre-wrap" }}>
        <bdi>{kind === "language" ? languageName(value) : value}</bdi>
      </Text>
    </>
  );
}
