// The table of cases × runs. It is virtualised: a suite can have thousands of cases.
// biome-ignore-all lint/a11y/useSemanticElements: rows that lie where they are scrolled to are no table of the browser's.
// biome-ignore-all lint/a11y/useFocusableInteractive: a table is read, only its buttons are pressed.
import { Box, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconArrowsExchange } from "@tabler/icons-react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { plain } from "@/parts/whatsapp";
import classes from "./CaseTable.module.css";
import { useRunNames } from "./StartRun";
import { VerdictBadge } from "./Verdict";

type Props = {
  cases: Schemas["ComparedCase"][];
  runs: Schemas["Run"][];
  /** The row whose case is open. */
  opened: string | undefined;
  onOpen: (row: string) => void;
};

export function CaseTable({ cases, runs, opened, onOpen }: Props) {
  const { t } = useTranslation("evals");
  const name = useRunNames();
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const place = list.current?.getBoundingClientRect();
    if (place) setTop(place.top + window.scrollY);
  }, []);
  const rows = useWindowVirtualizer({
    count: cases.length,
    estimateSize: () => 52,
    overscan: 12,
    scrollMargin: top,
    getItemKey: (at) => cases[at]?.key ?? at,
  });
  const isOne = runs.length === 1;
  const columns = `minmax(${isOne ? 130 : 200}px, 3fr) repeat(${runs.length}, minmax(${isOne ? 150 : 170}px, ${isOne ? 1 : 2}fr))`;
  const several = new Set(cases.map(({ column }) => column)).size > 1;
  return (
    <div className={classes.frame}>
      <div
        className={classes.table}
        role="table"
        aria-label={t("cases.title")}
        aria-rowcount={cases.length + 1}
        style={{ minWidth: isOne ? undefined : 200 + runs.length * 180 }}
      >
        <div role="rowgroup" className={classes.head}>
          <div role="row" aria-rowindex={1} className={classes.row} style={{ gridTemplateColumns: columns }}>
            <span role="columnheader">{t("cases.case")}</span>
            {runs.map((run, at) => (
              <span role="columnheader" key={run.id}>
                {isOne ? t("cases.result") : at === 0 ? t("cases.thisRun") : name(run)}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" ref={list} style={{ position: "relative", height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((item) => {
            const one = cases[item.index];
            if (!one) return null;
            const row = one.cells.find((cell) => cell)?.row ?? one.key;
            return (
              <div
                key={item.key}
                ref={rows.measureElement}
                data-index={item.index}
                role="row"
                aria-rowindex={item.index + 2}
                data-changed={one.changed || undefined}
                data-opened={opened === row || undefined}
                className={`${classes.row} ${classes.case}`}
                style={{
                  gridTemplateColumns: columns,
                  transform: `translateY(${item.start - rows.options.scrollMargin}px)`,
                }}
              >
                <div role="cell">
                  <UnstyledButton onClick={() => onOpen(row)} className={classes.open}>
                    <Group gap={6} wrap="nowrap" align="flex-start">
                      {one.changed && <IconArrowsExchange size={16} aria-label={t("cases.isChanged")} />}
                      <Text size="sm" fw={500} dir="auto" lineClamp={2}>
                        {one.title || one.key}
                      </Text>
                    </Group>
                    {several && (
                      <Text size="xs" c="dimmed" dir="auto" truncate>
                        {one.column}
                      </Text>
                    )}
                  </UnstyledButton>
                </div>
                {runs.map((run, at) => (
                  <div role="cell" key={run.id}>
                    <Cell cell={one.cells[at]} isOne={isOne} />
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Cell({ cell, isOne }: { cell: Schemas["ComparedCell"] | null | undefined; isOne: boolean }) {
  const { t } = useTranslation("evals");
  const format = useFormat();
  if (!cell)
    return (
      <Text size="sm" c="dimmed">
        {t("cases.notRun")}
      </Text>
    );
  return (
    <Stack gap={2}>
      <Group gap="xs">
        <VerdictBadge verdict={cell.verdict} />
        <Text size="xs" c="dimmed" component="span">
          {format.number(cell.score)} · {format.took(cell.latency_ms)}
        </Text>
      </Group>
      {(cell.reason || !isOne) && (
        <Box>
          <Text size="xs" c="dimmed" lineClamp={2} dir="auto">
            {cell.reason ?? plain(cell.output ?? "")}
          </Text>
        </Box>
      )}
    </Stack>
  );
}
