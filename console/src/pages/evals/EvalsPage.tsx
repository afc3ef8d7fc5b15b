// Suites and their runs.
import { Button, Select, Stack, Title } from "@mantine/core";
import { IconPlayerPlay, IconPlus } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Page } from "@/parts/Page";
import { Async } from "@/parts/States";
import { useHere } from "@/parts/useHere";
import { CaseForm } from "./CaseForm";
import { Runs } from "./Runs";
import { StartRun } from "./StartRun";
import { CodeNote, NoSuites, Suites } from "./Suites";

const route = getRouteApi("/desk/evals");

export function EvalsPage() {
  const { t } = useTranslation("evals");
  const { suite } = route.useSearch();
  const navigate = route.useNavigate();
  const here = useHere();
  const suites = $api.useQuery("get", "/api/v1/evals/suites", {});
  const [starting, setStarting] = useState<string>();
  const some = suites.data ?? [];
  const [isAdding, setAdding] = useState(false);
  const toSuite = (name: string) => {
    if (here.current) void navigate({ to: "/evals/suites/$", params: { _splat: name } });
  };
  const add = (
    <Button
      variant={some.length > 0 ? "default" : "filled"}
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setAdding(true)}
    >
      {t("form.new")}
    </Button>
  );
  return (
    <Page
      title={t("title")}
      about={t("about")}
      actions={
        some.length > 0 && (
          <>
            {add}
            <Button
              leftSection={<IconPlayerPlay size={16} aria-hidden />}
              onClick={() => setStarting(suite ?? some[0]?.name)}
            >
              {t("start.open")}
            </Button>
          </>
        )
      }
    >
      <Stack gap="sm" component="section" aria-labelledby="suites">
        <Title order={2} id="suites">
          {t("suites.title")}
        </Title>
        <Async query={suites} shape="cards" rows={3} empty={<NoSuites add={add} />}>
          {(all) => <Suites suites={all} onRun={setStarting} />}
        </Async>
        {some.length > 0 && <CodeNote />}
      </Stack>
      <Stack gap="sm" component="section" aria-labelledby="runs">
        <Title order={2} id="runs">
          {t("runs.title")}
        </Title>
        {some.length > 1 && (
          <Select
            label={t("runs.suite")}
            placeholder={t("runs.all")}
            clearable
            clearButtonProps={{ "aria-label": t("runs.all") }}
            data={some.map(({ name }) => name)}
            value={suite ?? null}
            onChange={(next) => void navigate({ search: { suite: next ?? undefined }, replace: true })}
            maw={320}
          />
        )}
        <Runs suite={suite} />
      </Stack>
      <CaseForm editing={isAdding ? "new" : undefined} close={() => setAdding(false)} onSaved={toSuite} />
      <StartRun suite={starting} suites={some} onClose={() => setStarting(undefined)} />
    </Page>
  );
}
