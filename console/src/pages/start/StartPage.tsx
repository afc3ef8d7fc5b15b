// The start page: three steps from an empty desk to the first answer, and the home page afterwards.
import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconBuildingStore, IconRobot } from "@tabler/icons-react";
import { Link, useSearch } from "@tanstack/react-router";
import { Suspense, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { useLive } from "@/api/live";
import { reread } from "@/api/queries";
import { sends } from "@/parts/numberState";
import { Page } from "@/parts/Page";
import { Empty, Failed, Loading } from "@/parts/States";
import { AskStep } from "./AskStep";
import { DocumentsStep } from "./DocumentsStep";
import { Features } from "./Features";
import { Home } from "./Home";
import { NumberStep } from "./NumberStep";
import { hasDocuments, states, target, wasAsked } from "./progress";
import { Step } from "./Step";

function Business() {
  const { t } = useTranslation("start");
  return (
    <Button renderRoot={(props) => <Link to="/business" {...props} />} w="fit-content">
      {t("demo.start")}
    </Button>
  );
}

function NoAgent() {
  const { t } = useTranslation("start");
  return (
    <Empty
      icon={<IconRobot />}
      title={t("agent.title")}
      action={
        <Group gap="xs" mt="xs" justify="center">
          <Business />
          <Button renderRoot={(props) => <Link to="/sandbox" {...props} />} variant="default">
            {t("agent.make")}
          </Button>
        </Group>
      }
    >
      <Text size="sm">{t("agent.about")}</Text>
    </Empty>
  );
}

/** Says that this is a demo, and how to leave it. */
function Demo() {
  const { t } = useTranslation("start");
  return (
    <Alert role="note" color="blue" title={t("demo.title")} icon={<IconBuildingStore aria-hidden />}>
      <Stack gap="sm">
        <Text size="sm">{t("demo.about")}</Text>
        <Business />
      </Stack>
    </Alert>
  );
}

type SetupState = {
  agents: Schemas["Agent"][];
  collections: Schemas["Collection"][];
  numbers: Schemas["Number"][];
  isDemo: boolean;
  /** Learned documents that were added to the agent's collection. */
  uploads: number;
  /** Whether customers have written already. */
  isUsed: boolean;
};

function Steps({ read, whenAsked, asked }: { read: SetupState; whenAsked: () => void; asked: boolean }) {
  const { t } = useTranslation("start");
  const { agents, collections, numbers, isDemo, uploads } = read;
  const { agent: first } = useSearch({ from: "/desk/" });
  const shown = agents.find(({ slug }) => slug === first) ?? agents[0];
  const own = hasDocuments(collections, uploads);
  const [ask, documents, number] = states([asked, own, numbers.some(sends)]);
  return (
    <Stack gap="md">
      <Step
        number={1}
        state={ask ?? "open"}
        title={t("ask.title")}
        about={t(isDemo ? "ask.aboutDemo" : "ask.about")}
      >
        <AskStep key={first} agents={agents} first={first} whenAsked={whenAsked} />
      </Step>
      <Step number={2} state={documents ?? "open"} title={t("documents.title")} about={t("documents.about")}>
        <DocumentsStep collections={collections} agent={shown?.slug ?? ""} isDemo={isDemo} own={own} />
      </Step>
      <Step number={3} state={number ?? "open"} title={t("number.title")} about={t("number.about")}>
        <NumberStep numbers={numbers} />
      </Step>
    </Stack>
  );
}

/** Loads everything that the steps' states depend on. */
function useDesk() {
  const agents = $api.useQuery("get", "/api/v1/agents", {});
  const collections = $api.useQuery("get", "/api/v1/collections", {});
  const numbers = $api.useQuery("get", "/api/v1/numbers", {});
  // The steps are shown even if these fail.
  const status = $api.useQuery("get", "/api/v1/status", {});
  const counts = $api.useQuery("get", "/api/v1/conversations/counts", {});
  const into = target(collections.data ?? [], agents.data?.[0]?.slug ?? "");
  const uploads = $api.useQuery(
    "get",
    "/api/v1/collections/{name}/documents",
    { params: { path: { name: into?.slug ?? "" }, query: { from: "upload", state: "ready", limit: 1 } } },
    { enabled: !!into && !!status.data?.demo },
  );
  const needed = [agents, collections, numbers];
  const failed = needed.find(({ data, error }) => data === undefined && error);
  if (failed) return { error: failed.error, again: () => void failed.refetch() };
  if (!agents.data || !collections.data || !numbers.data || status.isPending || counts.isPending) return {};
  const { bot = 0, person = 0, nobody = 0 } = counts.data ?? {};
  const read: SetupState = {
    agents: agents.data,
    collections: collections.data,
    numbers: numbers.data,
    isDemo: !!status.data?.demo,
    uploads: uploads.data?.items.length ?? 0,
    isUsed: bot + person + nobody > 0,
  };
  return { read };
}

export function StartPage() {
  const { t } = useTranslation("start");
  const { read, error, again } = useDesk();
  const [asked, setAsked] = useState(wasAsked);
  // Keeps a fresh answer on the page even when it completes the last step.
  const [stays, setStays] = useState(false);
  const [unfolded, setUnfolded] = useState(false);
  const changed = useCallback((what: string) => {
    const documents = ["/api/v1/collections", "/api/v1/collections/{name}/documents"];
    if (what === "knowledge") reread(...documents);
  }, []);
  useLive({ changed });
  const isAsked = asked || !!read?.isUsed;
  const isDone =
    !!read && isAsked && !stays && hasDocuments(read.collections, read.uploads) && read.numbers.some(sends);
  const whenAsked = () => {
    setAsked(true);
    if (!isDone) setStays(true);
  };
  // While the steps load more texts, the page around them stays.
  const steps = read && (
    <Suspense fallback={<Loading shape="boxes" rows={3} />}>
      <Steps read={read} asked={isAsked} whenAsked={whenAsked} />
    </Suspense>
  );
  return (
    <Page title={t("title")} about={isDone ? t("aboutHome") : t("about")}>
      {error !== undefined && <Failed error={error} again={again} />}
      {error === undefined && !read && <Loading shape="boxes" rows={3} />}
      {read?.isDemo && !isDone && <Demo />}
      {read && (read.agents.length === 0 ? <NoAgent /> : isDone ? <Home /> : steps)}
      {isDone && (
        <>
          <Button
            variant="subtle"
            w="fit-content"
            aria-expanded={unfolded}
            onClick={() => setUnfolded(!unfolded)}
          >
            {t(unfolded ? "home.hide" : "home.steps")}
          </Button>
          {unfolded && steps}
        </>
      )}
      {read && <Features />}
    </Page>
  );
}
