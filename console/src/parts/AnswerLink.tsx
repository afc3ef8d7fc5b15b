// The way to a curated answer: to its collection, where it opens.
import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { CollectionAnswer } from "./curated";

/** `null`: the answer has been deleted; undefined: it is still being looked for. */
export function AnswerLink({ placed }: { placed: CollectionAnswer | null | undefined }) {
  const { t } = useTranslation("trace");
  if (placed === undefined) return null;
  if (!placed)
    return (
      <Text size="sm" c="dimmed">
        {t("sources.answerGone")}
      </Text>
    );
  const { collection, answer } = placed;
  return (
    <Anchor
      size="sm"
      w="fit-content"
      renderRoot={(props) => (
        <Link
          to="/knowledge/$collection"
          params={{ collection }}
          search={{ tab: "answers", answer: answer.id }}
          {...props}
        />
      )}
    >
      {t("sources.openAnswer")}
    </Anchor>
  );
}
