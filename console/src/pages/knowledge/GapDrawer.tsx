// One knowledge gap: how customers asked, a form for its answer, and a way to dismiss it.
import {
  Alert,
  Anchor,
  Button,
  Drawer,
  Group,
  List,
  Select,
  Stack,
  Text,
  Textarea,
  Title,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { AnswerLink } from "@/parts/AnswerLink";
import { useConfirm } from "@/parts/Confirm";
import { collectionOptions, useCollectionNames } from "@/parts/collectionName";
import { useCollectionsOf, usePlacedAnswer } from "@/parts/curated";
import { FormattedText } from "@/parts/FormattedText";
import { Async, Failed } from "@/parts/States";
import { useSay } from "@/parts/say";
import { When } from "@/parts/When";
import { plain } from "@/parts/whatsapp";

type GapInFull = Schemas["KnowledgeGapInFull"];

function changed() {
  reread("/api/v1/gaps", "/api/v1/gaps/{id}", "/api/v1/collections/{name}/answers");
}

export function GapDrawer({ id, close }: { id?: string; close: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  return (
    <Drawer opened={!!id} onClose={close} position="right" size="lg" title={t("gaps.title")}>
      {id && <Gap id={id} close={close} />}
    </Drawer>
  );
}

function Gap({ id, close }: { id: string; close: () => void }) {
  const query = $api.useQuery("get", "/api/v1/gaps/{id}", { params: { path: { id } } });
  return <Async query={query}>{(full) => <GapView full={full} close={close} />}</Async>;
}

function GapView({ full, close }: { full: GapInFull; close: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const { gap, examples } = full;
  return (
    <Stack>
      <div>
        <Title order={3}>
          <bdi>{plain(gap.question)}</bdi>
        </Title>
        <Text size="sm" c="dimmed">
          {t("gaps.asked", { count: gap.asked })} · <When at={gap.last_at} ago />
        </Text>
      </div>
      {examples.length > 0 && (
        <div>
          <Title order={4}>{t("gaps.examples")}</Title>
          <Text size="xs" c="dimmed" mb={4}>
            {t("gaps.examplesAbout")}
          </Text>
          <List size="sm" spacing={4}>
            {examples.map((example) => (
              <List.Item key={`${example.asked_at} ${example.question}`}>
                <span dir="auto">
                  <FormattedText text={example.question} />
                </span>{" "}
                <Text span size="xs" c="dimmed">
                  <When at={example.asked_at} ago />
                </Text>{" "}
                {example.conversation_id && <ConversationLink id={example.conversation_id} />}
              </List.Item>
            ))}
          </List>
        </div>
      )}
      <Anchor
        size="sm"
        w="fit-content"
        renderRoot={(props) => <Link to="/sandbox" search={{ ask: gap.question }} {...props} />}
      >
        {t("gaps.try")}
      </Anchor>
      {gap.answer_id && <GapAnswerLink id={gap.answer_id} />}
      {gap.state !== "answered" && <AnswerForm full={full} close={close} />}
    </Stack>
  );
}

/** The link to the curated answer that was written for it. */
function GapAnswerLink({ id }: { id: string }) {
  const placed = usePlacedAnswer(id, useCollectionsOf(undefined)?.all);
  return <AnswerLink placed={placed.data} />;
}

/** The link from a question to where it was asked. */
function ConversationLink({ id }: { id: string }) {
  const { t } = useTranslation("knowledge");
  return (
    <Anchor size="xs" renderRoot={(props) => <Link to="/inbox/$id" params={{ id }} {...props} />}>
      {t("gaps.conversation")}
    </Anchor>
  );
}

function AnswerForm({ full, close }: { full: GapInFull; close: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const collections = $api.useQuery("get", "/api/v1/collections");
  return (
    <Async
      query={collections}
      shape="form"
      rows={2}
      empty={<Alert color="orange">{t("gaps.noCollection")}</Alert>}
    >
      {(all) => <Form full={full} collections={all} close={close} />}
    </Async>
  );
}

type FormProps = { full: GapInFull; collections: Schemas["Collection"][]; close: () => void };

/** The customers' questions, one a line, without duplicates. */
function ways({ gap, examples }: GapInFull): string {
  return [...new Set([gap, ...examples].map(({ question }) => plain(question)))].join("\n");
}

function Form({ full, collections, close }: FormProps) {
  const { t } = useTranslation(["knowledge", "common"]);
  const say = useSay();
  const { gap } = full;
  const collectionNamed = useCollectionNames();
  const agents = $api.useQuery("get", "/api/v1/agents");
  const slug = agents.data?.find(({ id }) => id === gap.agent_id)?.slug;
  // Until the agents are known, another collection than the agent's would take the answer.
  const first =
    agents.data && (collections.find((one) => slug && one.agents.includes(slug)) ?? collections[0]);
  const answering = $api.useMutation("post", "/api/v1/gaps/{id}/answer");
  const form = useForm({
    initialValues: { answer: "", collection: "", phrasings: ways(full) },
    validate: {
      answer: (text) => (text.trim() ? null : t("answers.answerMissing")),
      phrasings: (text) => (text.trim() ? null : t("answers.questionMissing")),
    },
  });
  const collection = form.values.collection || first?.slug || "";
  const save = form.onSubmit(({ answer, phrasings }) => {
    const lines = phrasings.split("\n").map((line) => line.trim());
    const body = { answer, collection, phrasings: lines.filter(Boolean).slice(0, 50) };
    answering.mutate(
      { params: { path: { id: gap.id } }, body },
      {
        onSuccess: () => {
          changed();
          say.done(t("gaps.saved"));
          close();
        },
      },
    );
  });
  return (
    <form onSubmit={save} noValidate>
      <Stack>
        <Textarea
          label={t("gaps.answerText")}
          description={t("gaps.answerAbout")}
          dir="auto"
          autosize
          minRows={3}
          maxRows={12}
          maxLength={8_000}
          required
          {...form.getInputProps("answer")}
        />
        <Textarea
          label={t("gaps.ways")}
          description={t("gaps.waysAbout")}
          dir="auto"
          autosize
          minRows={2}
          maxRows={8}
          required
          {...form.getInputProps("phrasings")}
        />
        <Select
          label={t("gaps.collection")}
          data={collectionOptions(collections)}
          value={collection || null}
          onChange={(value) => form.setFieldValue("collection", value ?? "")}
          allowDeselect={false}
        />
        {agents.error && !agents.data && <Failed error={agents.error} again={() => void agents.refetch()} />}
        {answering.error && <Failed error={answering.error} />}
        <Group justify="space-between">
          <DismissButton gap={gap} close={close} />
          <Button type="submit" loading={answering.isPending || agents.isPending} disabled={!agents.data}>
            {t("gaps.save")}
          </Button>
        </Group>
        {collection && (
          <Anchor
            size="sm"
            renderRoot={(props) => <Link to="/knowledge/$collection" params={{ collection }} {...props} />}
          >
            {t("gaps.document", { name: collectionNamed(collection) })}
          </Anchor>
        )}
      </Stack>
    </form>
  );
}

function DismissButton({ gap, close }: { gap: Schemas["KnowledgeGap"]; close: () => void }) {
  const { t } = useTranslation(["knowledge", "common"]);
  const confirm = useConfirm();
  const say = useSay();
  const dismissal = $api.useMutation("post", "/api/v1/gaps/{id}/dismiss");
  if (gap.state === "dismissed") return <span />;
  const dismiss = async () => {
    const sure = await confirm({
      title: t("gaps.dismissTitle"),
      text: t("gaps.dismissText"),
      yes: t("gaps.dismiss"),
    });
    if (!sure) return;
    dismissal.mutate(
      { params: { path: { id: gap.id } } },
      {
        onSuccess: () => {
          changed();
          say.done(t("gaps.dismissDone"));
          close();
        },
        onError: say.failed,
      },
    );
  };
  return (
    <Button variant="default" loading={dismissal.isPending} onClick={() => void dismiss()}>
      {t("gaps.dismiss")}
    </Button>
  );
}
