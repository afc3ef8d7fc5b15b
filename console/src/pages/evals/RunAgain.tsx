// Repeats a run: unchanged, against itself as the baseline, or only the cases that did not pass.
import { Button, Menu } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";

type Props = { run: Schemas["Run"]; isPending: boolean; start: (body: Schemas["NewRun"]) => void };

export function RunAgain({ run, isPending, start }: Props) {
  const { t } = useTranslation("evals");
  const { wanted, counts } = run;
  const button = (
    <Button
      variant="default"
      leftSection={<IconPlayerPlay size={16} aria-hidden />}
      loading={isPending}
      disabled={!wanted}
      title={wanted ? undefined : t("run.unread")}
    >
      {t("run.again")}
    </Button>
  );
  // Another server version wrote the request. Without it the whole suite would run, at real cost.
  if (!wanted) return button;
  const same = { ...wanted, suite: run.suite };
  const isHurt = !!counts && counts.failed + counts.errors > 0;
  return (
    <Menu position="bottom-end">
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => start(same)}>{t("run.same")}</Menu.Item>
        <Menu.Item onClick={() => start({ ...same, baseline: run.id })}>{t("run.compared")}</Menu.Item>
        {isHurt && (
          <Menu.Item onClick={() => start({ ...same, failing: run.id })}>{t("run.failing")}</Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
