// Runs a suite on a draft that is not published. Suites that test its agent come first.
import { Modal } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { Async } from "@/parts/States";
import { type PromptDraft, StartForm } from "./StartRun";
import { NoSuites } from "./Suites";

type Props = {
  draft: PromptDraft;
  opened: boolean;
  onClose: () => void;
};

export function RunDraft({ draft, opened, onClose }: Props) {
  const { t } = useTranslation("evals");
  const suites = $api.useQuery("get", "/api/v1/evals/suites", {}, { enabled: opened });
  return (
    <Modal opened={opened} onClose={onClose} title={t("start.title")} size="lg">
      {opened && (
        <Async query={suites} empty={<NoSuites />}>
          {(all) => {
            const testing = all.filter(({ agent }) => agent === draft.agent);
            const sorted = [...testing, ...all.filter((one) => !testing.includes(one))];
            return (
              <StartForm suite={sorted[0]?.name ?? ""} suites={sorted} draft={draft} onClose={onClose} />
            );
          }}
        </Async>
      )}
    </Modal>
  );
}
