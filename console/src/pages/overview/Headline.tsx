// The four figures that matter: how many wrote, how much the bot did, how much was left to people, and how fast.
import { Box, Paper, SimpleGrid, Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { Line } from "@/parts/Skeletons";
import { Change } from "./Change";
import { Figure } from "./Figure";
import { type Day, type Days, shareByBot } from "./range";
import { Sparkline } from "./Sparkline";
import { HEIGHT } from "./series";
import type { Unit } from "./trend";

type Overview = Schemas["Overview"];

type Measure = {
  name: string;
  of: (overview: Overview) => number | null | undefined;
  ofDay: (day: Day) => number | null;
  say: (value: number) => string;
  unit?: Unit;
  better?: "up" | "down";
  most?: number;
};

function useMeasures(): Measure[] {
  const { t } = useTranslation("overview");
  const { count, share, took } = useFormat();
  return [
    {
      name: t("total.inbound"),
      of: ({ total }) => total.inbound,
      ofDay: ({ inbound }) => inbound,
      say: count,
    },
    {
      name: t("total.share"),
      of: ({ share_by_bot }) => share_by_bot,
      ofDay: shareByBot,
      say: share,
      unit: "share",
      better: "up",
      most: 1,
    },
    {
      name: t("total.handOffs"),
      of: ({ total }) => total.hand_offs,
      ofDay: ({ hand_offs }) => hand_offs,
      say: count,
      better: "down",
    },
    {
      name: t("total.half"),
      of: ({ total }) => total.p50_ms,
      ofDay: ({ p50_ms }) => p50_ms ?? null,
      say: took,
      unit: "time",
      better: "down",
    },
  ];
}

const columns = { base: 2, lg: 4 };

function Card({ children, below }: { children: ReactNode; below: ReactNode }) {
  return (
    <Paper withBorder p="md" style={{ display: "flex", flexDirection: "column" }}>
      <Box mih={{ base: 84, sm: 94 }}>{children}</Box>
      <Box mt="auto" pt="sm">
        {below}
      </Box>
    </Paper>
  );
}

export function Headline({ now, before, days }: { now: Overview; before: Overview | undefined; days: Days }) {
  const { t } = useTranslation("overview");
  const measures = useMeasures();
  return (
    <SimpleGrid cols={columns} component="section" aria-label={t("total.title")}>
      {measures.map(({ name, of, ofDay, most, ...how }) => {
        const value = of(now);
        return (
          <Card key={name} below={<Sparkline values={now.days.map(ofDay)} most={most} />}>
            <Figure
              large
              name={name}
              value={value == null ? "–" : how.say(value)}
              note={<Change {...how} now={value} before={before && of(before)} days={days} />}
            />
          </Card>
        );
      })}
    </SimpleGrid>
  );
}

/** Shown while the page loads. */
export function HeadlineOutline() {
  return (
    <>
      <SimpleGrid cols={columns}>
        {["inbound", "share", "handOffs", "half"].map((one) => (
          <Card key={one} below={<Skeleton height={36} />}>
            <Line width="70%" />
            <Line width="45%" high={32} />
            <Line width="55%" high={16} />
            <Line width="35%" high={16} />
          </Card>
        ))}
      </SimpleGrid>
      <Box mt="xl">
        <Line width={140} high={26} />
      </Box>
      <SimpleGrid cols={{ base: 1, md: 2 }} mt="sm">
        {["messages", "share"].map((one) => (
          <Paper key={one} withBorder p="md">
            <Line width="40%" high={22} />
            <Skeleton height={HEIGHT} mt="sm" />
          </Paper>
        ))}
      </SimpleGrid>
    </>
  );
}
