// The audit log's filters: what, who, how it ended, when.
import { Button, Select, SimpleGrid, Stack } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { $api } from "@/api/client";
import { wordsOf } from "@/api/words";
import { useActor } from "@/parts/actor";
import { kindIcons } from "./ActivityRow";
import { type Action, actions, type Entry, type Outcome, periods } from "./actions";
import type { ActivitySearch } from "./search";

/** The filters as the API takes them: a word that is unknown is no filter. */
export type Filter = { action?: Action; actor?: string; outcome?: Outcome; days?: number };

const outcomes: Record<Outcome, true> = { done: true, refused: true, failed: true };

/** Reads the filters of an address. */
export const filterOf = ({ action, actor, outcome, days }: ActivitySearch): Filter => ({
  action: wordsOf(actions).find((one) => one === action),
  actor,
  outcome: wordsOf(outcomes).find((one) => one === outcome),
  days: periods.find((one) => one === days),
});

/** Whether anything is left out. */
export const isFiltered = (filter: Filter) => Object.values(filter).some((value) => value !== undefined);

/** Newest entries in which actors are looked for. */
const READ = 200;

/** Those who did something lately, besides the ones that are shown or chosen. */
function useActors(shown: readonly Entry[], chosen: string | undefined): string[] {
  const { data } = $api.useQuery("get", "/api/v1/audit", { params: { query: { limit: READ } } });
  const all = [...(data?.items ?? []), ...shown].map(({ actor }) => actor);
  return [...new Set(chosen === undefined ? all : [...all, chosen])];
}

type Props = { filter: Filter; shown: readonly Entry[]; change: (search: ActivitySearch) => void };

export function ActivityFilters({ filter, shown, change }: Props) {
  const { t } = useTranslation("activity");
  const wordActor = useActor();
  const actors = useActors(shown, filter.actor);
  const days = (count: number) => (count === 1 ? t("filter.today") : t("filter.days", { count }));
  return (
    <Stack gap="xs">
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="xs" verticalSpacing="xs">
        <Select
          label={t("filter.action")}
          placeholder={t("filter.anything")}
          searchable
          clearable
          clearButtonProps={{ "aria-label": t("filter.anything") }}
          value={filter.action ?? null}
          onChange={(action) => change({ action: action ?? undefined })}
          data={wordsOf(kindIcons).map((kind) => ({
            group: t(`group.${kind}`),
            items: wordsOf(actions)
              .filter((action) => actions[action].kind === kind)
              .map((action) => ({ value: action, label: t(`do.${action}`) })),
          }))}
          comboboxProps={{ width: 300, position: "bottom-start" }}
          maxDropdownHeight={360}
        />
        <Select
          label={t("filter.actor")}
          placeholder={t("filter.anybody")}
          clearable
          clearButtonProps={{ "aria-label": t("filter.anybody") }}
          value={filter.actor ?? null}
          onChange={(actor) => change({ actor: actor ?? undefined })}
          data={actors.map((actor) => ({ value: actor, label: wordActor(actor) }))}
          comboboxProps={{ width: 260, position: "bottom-start" }}
          styles={{ input: { textOverflow: "ellipsis", unicodeBidi: "plaintext" } }}
        />
        <Select
          label={t("filter.outcome")}
          placeholder={t("filter.anyOutcome")}
          clearable
          clearButtonProps={{ "aria-label": t("filter.anyOutcome") }}
          value={filter.outcome ?? null}
          onChange={(outcome) => change({ outcome: outcome ?? undefined })}
          data={wordsOf(outcomes).map((outcome) => ({ value: outcome, label: t(`outcome.${outcome}`) }))}
        />
        <Select
          label={t("filter.period")}
          placeholder={t("filter.ever")}
          clearable
          clearButtonProps={{ "aria-label": t("filter.ever") }}
          value={filter.days === undefined ? null : String(filter.days)}
          onChange={(next) => change({ days: next ? Number(next) : undefined })}
          data={periods.map((count) => ({ value: String(count), label: days(count) }))}
        />
      </SimpleGrid>
      {isFiltered(filter) && (
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          w="fit-content"
          leftSection={<IconX size={14} aria-hidden />}
          onClick={() => change({ action: undefined, actor: undefined, outcome: undefined, days: undefined })}
        >
          {t("filter.clear")}
        </Button>
      )}
    </Stack>
  );
}
