// Accepts the scores of a whole run as the baseline of its suite.
import { Button, Stack, Text } from "@mantine/core";
import { IconFlag } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api, type Schemas } from "@/api/client";
import { reread } from "@/api/queries";
import { useFormat } from "@/i18n/format";
import { useConfirm } from "@/parts/Confirm";
import { useSay } from "@/parts/say";
import { isAcceptable } from "./row";

export function AcceptBaseline({ run }: { run: Schemas["Run"] }) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  const confirm = useConfirm();
  const say = useSay();
  const suites = $api.useQuery("get", "/api/v1/evals/suites", {});
  const accepting = $api.useMutation("post", "/api/v1/evals/runs/{id}/accept", {
    onSuccess: ({ file }) => {
      reread("/api/v1/evals/suites");
      say.done(t("baseline.done", { file }));
    },
    onError: say.failed,
  });
  const suite = suites.data?.find(({ name }) => name === run.suite);
  if (!suite || !isAcceptable(run)) return null;
  const { baseline } = suite;
  const file = baseline?.file ?? `${run.suite.replace(/\.yaml$/, "")}.baseline.json`;
  const accept = async () => {
    const sure = await confirm({
      title: t("baseline.title"),
      text: (
        <Stack gap="xs">
          <Text size="sm">
            {baseline
              ? t("baseline.replaces", { when: format.full(baseline.accepted_at) })
              : t("baseline.first")}
          </Text>
          <Text size="sm">{t("baseline.file", { file })}</Text>
        </Stack>
      ),
      yes: t("baseline.yes"),
    });
    if (sure) accepting.mutate({ params: { path: { id: run.id } } });
  };
  return (
    <Button
      variant="default"
      leftSection={<IconFlag size={16} aria-hidden />}
      loading={accepting.isPending}
      onClick={() => void accept()}
    >
      {t("baseline.accept")}
    </Button>
  );
}
