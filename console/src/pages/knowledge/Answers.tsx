// Curated answers, which customers get word for word.
import { ActionIcon, Badge, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconMessageCheck, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { usePages } from "@/api/pages";
import { reread } from "@/api/queries";
import { AnswerForm, type Draft } from "@/parts/AnswerForm";
import { usePlacedAnswer } from "@/parts/curated";
import { FormattedText } from "@/parts/FormattedText";
import { MoreButton } from "@/parts/MoreButton";
import { toWhatsApp } from "@/parts/markdown";
import { Async, Empty } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { useRemoval } from "@/parts/useRemoval";

type Answer = Schemas["CuratedAnswer"];

export function Answers({ collection }: { collection: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const [editing, setEditing] = useState<Answer | Draft>();
  const linked = useLinked(collection);
  const query = usePages((cursor) =>
    $api.queryOptions("get", "/api/v1/collections/{name}/answers", {
      params: { path: { name: collection }, query: { limit: 50, cursor } },
    }),
  );
  const add = (
    <Button
      variant="default"
      leftSection={<IconPlus size={18} aria-hidden />}
      onClick={() => setEditing({ phrasings: [], answer: "" })}
    >
      {t("answers.add")}
    </Button>
  );
  return (
    <>
      <Async
        query={query}
        shape="boxes"
        empty={
          <Empty title={t("answers.none")} icon={<IconMessageCheck />} action={add}>
            {t("answers.noneAbout")}
          </Empty>
        }
      >
        {(answers) => (
          <Stack align="flex-start">
            {add}
            <Stack component="ul" gap="sm" p={0} m={0} w="100%" style={{ listStyle: "none" }}>
              {answers.map((answer) => (
                <Row
                  key={answer.id}
                  answer={answer}
                  collection={collection}
                  edit={() => setEditing(answer)}
                />
              ))}
            </Stack>
            <MoreButton query={query} mx="auto" />
          </Stack>
        )}
      </Async>
      <AnswerForm
        collections={[collection]}
        editing={editing ?? linked.answer}
        close={() => {
          setEditing(undefined);
          linked.close();
        }}
      />
    </>
  );
}

/** The answer in the address, to which other pages link. */
function useLinked(collection: string) {
  const navigate = useNavigate();
  const { answer: id } = useSearch({ from: "/desk/knowledge/$collection" });
  const { data } = usePlacedAnswer(id, [collection]);
  const here = useHere();
  const close = () =>
    id &&
    here.current &&
    void navigate({
      to: "/knowledge/$collection",
      params: { collection },
      search: { tab: "answers" },
      replace: true,
    });
  return { answer: id ? data?.answer : undefined, close };
}

type RowProps = { answer: Answer; collection: string; edit: () => void };

function Row({ answer: one, collection, edit }: RowProps) {
  const { t } = useTranslation(["knowledge", "common"]);
  const [question = "", ...others] = one.phrasings;
  return (
    <Paper withBorder p="md" component="li" data-testid="answer">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={4} style={{ minWidth: 0, flex: 1 }}>
          <Group gap="xs">
            <Text fw={600} dir="auto">
              {question}
            </Text>
            {one.language && (
              <Badge variant="default" size="sm" dir="ltr">
                {one.language}
              </Badge>
            )}
            {!one.enabled && (
              <Badge variant="light" color="gray" size="sm" tt="none">
                {t("answers.off")}
              </Badge>
            )}
          </Group>
          {others.length > 0 && (
            <Text size="xs" c="dimmed">
              {t("answers.ways", { count: others.length })}
            </Text>
          )}
          <Text size="sm" dir="auto" lineClamp={3} style={{ whiteSpace: "pre-wrap" }}>
            <FormattedText text={toWhatsApp(one.answer)} />
          </Text>
          {one.source && (
            <Text size="xs" c="dimmed">
              {t("answers.file", { file: one.source })}. {t("answers.fileAbout")}
            </Text>
          )}
        </Stack>
        {!one.source && <Actions answer={one} question={question} collection={collection} edit={edit} />}
      </Group>
    </Paper>
  );
}

function Actions({ answer, question, collection, edit }: RowProps & { question: string }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const removal = useRemoval();
  const deletion = $api.useMutation("delete", "/api/v1/collections/{name}/answers/{id}");
  const remove = () =>
    removal(
      { title: t("answers.deleteTitle"), text: t("answers.deleteText"), yes: t("common:action.delete") },
      async () => {
        await deletion.mutateAsync({ params: { path: { name: collection, id: answer.id } } });
        reread("/api/v1/collections/{name}/answers");
      },
      t("answers.deleted"),
    );
  return (
    <Group gap={4} wrap="nowrap">
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        onClick={edit}
        aria-label={t("answers.edit", { question })}
      >
        <IconPencil size={18} />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        loading={deletion.isPending}
        onClick={() => void remove()}
        aria-label={t("answers.delete", { question })}
      >
        <IconTrash size={18} />
      </ActionIcon>
    </Group>
  );
}
