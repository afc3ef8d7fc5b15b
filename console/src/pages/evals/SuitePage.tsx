// One suite: its cases, and its file as YAML.
import { Button, Code, CopyButton, Group, Stack, Tabs, Text } from "@mantine/core";
import { IconCheck, IconCopy, IconPlayerPlay, IconPlus } from "@tabler/icons-react";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { Page } from "@/parts/Page";
import { Async } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { Baseline } from "./Baseline";
import { CaseForm, type SuiteCase } from "./CaseForm";
import { StartRun } from "./StartRun";
import { SuiteAgent } from "./SuiteAgent";
import { SuiteCases } from "./SuiteCases";

const route = getRouteApi("/desk/evals/suites/$");
const tabs = ["cases", "yaml"] as const;

export function SuitePage() {
  const { t } = useTranslation("evals");
  const { _splat: name = "" } = route.useParams();
  const navigate = useNavigate();
  const here = useHere();
  const suites = $api.useQuery("get", "/api/v1/evals/suites", {});
  const suite = suites.data?.find((one) => one.name === name);
  const query = $api.useQuery("get", "/api/v1/evals/cases", { params: { query: { suite: name } } });
  const [editing, setEditing] = useState<SuiteCase | "new">();
  const [isStarting, setStarting] = useState(false);
  const gone = () => here.current && void navigate({ to: "/evals" });
  return (
    <Page
      title={suite?.title ?? name}
      back={{ to: "/evals", label: t("title") }}
      about={suite && <SuiteFacts suite={suite} />}
      actions={
        suite && (
          <>
            {suite.saved && (
              <Button
                variant="default"
                leftSection={<IconPlus size={16} aria-hidden />}
                onClick={() => setEditing("new")}
              >
                {t("form.add")}
              </Button>
            )}
            <Button leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={() => setStarting(true)}>
              {t("suites.run")}
            </Button>
          </>
        )
      }
    >
      <Async query={query} shape="boxes" rows={4}>
        {(found) => (
          <>
            {!found.saved && (
              <Text size="sm" c="dimmed">
                {t("suite.own", { name })}
              </Text>
            )}
            <SuiteView found={found} name={name} edit={found.saved ? setEditing : undefined} onGone={gone} />
          </>
        )}
      </Async>
      <CaseForm suite={suite} editing={editing} close={() => setEditing(undefined)} />
      <StartRun
        suite={isStarting ? name : undefined}
        suites={suites.data ?? []}
        onClose={() => setStarting(false)}
      />
    </Page>
  );
}

function SuiteFacts({ suite: { name, title, agent, baseline } }: { suite: Schemas["Suite"] }) {
  return (
    <Group gap="xs" component="span">
      {title !== name && <bdi dir="ltr">{name}</bdi>}
      <SuiteAgent agent={agent} />
      <Baseline baseline={baseline} />
    </Group>
  );
}

type SuiteViewProps = {
  found: Schemas["SuiteCases"];
  name: string;
  edit?: (placed: SuiteCase) => void;
  onGone: () => void;
};

function SuiteView({ found: { text, cases }, name, edit, onGone }: SuiteViewProps) {
  const { t } = useTranslation("evals");
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  const shown = tabs.find((one) => one === tab) ?? "cases";
  const list = <SuiteCases suite={name} cases={cases} edit={edit} onGone={onGone} />;
  // The owner's files are not shown: they may hold keys of endpoints.
  if (text == null) return list;
  return (
    <Tabs
      value={shown}
      keepMounted={false}
      onChange={(next) =>
        void navigate({ search: { tab: next === "cases" ? undefined : (next ?? undefined) }, replace: true })
      }
    >
      <Tabs.List mb="lg">
        <Tabs.Tab value="cases">{t("cases.title")}</Tabs.Tab>
        <Tabs.Tab value="yaml">YAML</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="cases">{list}</Tabs.Panel>
      <Tabs.Panel value="yaml">
        <Yaml text={text} />
      </Tabs.Panel>
    </Tabs>
  );
}

function Yaml({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button
            variant="default"
            size="xs"
            w="fit-content"
            leftSection={copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
            onClick={copy}
          >
            {copied ? t("action.copied") : t("action.copy")}
          </Button>
        )}
      </CopyButton>
      <Code block dir="ltr" ta="start" tabIndex={0} role="group" aria-label="YAML">
        {text}
      </Code>
    </Stack>
  );
}
