// What lies behind the four figures, by question: who wrote, what people had to do, what arrived, what it cost.
import { Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useCaseReason } from "@/parts/caseReason";
import { Change } from "./Change";
import { Chart } from "./Chart";
import { Figure } from "./Figure";
import { Panel } from "./Panel";
import { Ranking } from "./Ranking";
import { type Days, type Figures, shareByBot } from "./range";
import type { Unit } from "./trend";

type Overview = Schemas["Overview"];
type Props = { now: Overview; before: Overview | undefined; days: Days; asTable: boolean };

export function Sections(props: Props) {
  return (
    <Stack gap="xl" mt="md">
      <Customers {...props} />
      <HandOffs {...props} />
      <Delivery {...props} />
      <Cost {...props} />
    </Stack>
  );
}

type SectionProps = {
  title: string;
  /** Its figures, or a sentence. */
  figures?: ReactNode;
  /** Its charts. */
  children: ReactNode;
};

function Section({ title, figures, children }: SectionProps) {
  return (
    <Stack gap="sm">
      <Title order={2}>{title}</Title>
      {figures && (
        <Group gap="xl" align="flex-start" mb={4}>
          {figures}
        </Group>
      )}
      {children}
    </Stack>
  );
}

const beside = { base: 1, md: 2 };

type Metric = {
  name: string;
  of: (overview: Overview) => number | null | undefined;
  say: (value: number) => string;
  unit?: Unit;
  better?: "up" | "down";
  /** It is shown only when it is not zero, as it needs attention then. */
  rare?: boolean;
};

/** Returns a function that shows a figure with its change. */
function useMeasured({ now, before, days }: Props) {
  return ({ name, of, rare, ...how }: Metric) => {
    const value = of(now);
    if (rare && !value) return null;
    const note = <Change {...how} now={value} before={before && of(before)} days={days} />;
    return (
      <Figure key={name} name={name} value={value == null ? "–" : how.say(value)} note={note} bad={rare} />
    );
  };
}

const total = (key: keyof Figures) => (overview: Overview) => overview.total[key];

function Customers(props: Props) {
  const { t } = useTranslation("overview");
  const { count, share } = useFormat();
  const measured = useMeasured(props);
  const shared = { days: props.now.days, asTable: props.asTable };
  return (
    <Section
      title={t("section.customers")}
      figures={
        <>
          {measured({ name: t("total.outbound"), of: total("outbound"), say: count })}
          {measured({ name: t("total.noAnswer"), of: total("no_answer"), say: count, better: "down" })}
        </>
      }
    >
      <SimpleGrid cols={beside}>
        <Chart
          {...shared}
          kind="beside"
          say={count}
          whole
          title={t("messages.title")}
          series={[
            { name: t("messages.inbound"), of: ({ inbound }) => inbound, color: "var(--chart-1)" },
            { name: t("messages.outbound"), of: ({ outbound }) => outbound, color: "var(--chart-2)" },
          ]}
        />
        <Chart
          {...shared}
          kind="lines"
          title={t("share.title")}
          say={share}
          most={1}
          series={[{ name: t("share.bot"), of: shareByBot, color: "var(--chart-1)" }]}
        />
      </SimpleGrid>
    </Section>
  );
}

function HandOffs({ now: { days, reasons }, asTable }: Props) {
  const { t } = useTranslation("overview");
  const { count } = useFormat();
  const reasonOf = useCaseReason();
  return (
    <Section title={t("total.handOffs")}>
      <SimpleGrid cols={beside}>
        <Chart
          days={days}
          asTable={asTable}
          kind="bars"
          say={count}
          whole
          title={t("handOffs.title")}
          series={[{ name: t("handOffs.cases"), of: ({ hand_offs }) => hand_offs, color: "var(--chart-1)" }]}
        />
        <Panel title={t("reasons.title")}>
          {reasons.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t("reasons.none")}
            </Text>
          ) : (
            <Ranking rows={reasons.map((one) => ({ name: reasonOf(one), count: one.count }))} say={count} />
          )}
        </Panel>
      </SimpleGrid>
    </Section>
  );
}

function Delivery(props: Props) {
  const { t } = useTranslation("overview");
  const { count, took } = useFormat();
  const measured = useMeasured(props);
  const { days, total: all } = props.now;
  const shared = { days, asTable: props.asTable };
  const unsent = all.failed_sends + all.unknown_sends;
  return (
    <Section
      title={t("section.delivery")}
      figures={
        <>
          {measured({ name: t("total.most"), of: total("p95_ms"), say: took, unit: "time", better: "down" })}
          {measured({
            name: t("total.failed"),
            of: total("failed_sends"),
            say: count,
            better: "down",
            rare: true,
          })}
          {measured({
            name: t("total.unknown"),
            of: total("unknown_sends"),
            say: count,
            better: "down",
            rare: true,
          })}
          {measured({
            name: t("total.failures"),
            of: total("failures"),
            say: count,
            better: "down",
            rare: true,
          })}
          {unsent + all.failures === 0 && (
            <Text size="sm" c="dimmed" style={{ alignSelf: "center" }}>
              {t("sends.none")}
            </Text>
          )}
        </>
      }
    >
      <SimpleGrid cols={unsent > 0 ? beside : 1}>
        <Chart
          {...shared}
          kind="lines"
          title={t("response.title")}
          say={took}
          series={[
            { name: t("response.half"), of: ({ p50_ms }) => p50_ms ?? null, color: "var(--chart-1)" },
            {
              name: t("response.most"),
              of: ({ p95_ms }) => p95_ms ?? null,
              color: "var(--chart-2)",
              dashes: "5 4",
            },
          ]}
        />
        {unsent > 0 && (
          <Chart
            {...shared}
            kind="bars"
            say={count}
            whole
            title={t("sends.title")}
            series={[
              { name: t("sends.failed"), of: ({ failed_sends }) => failed_sends, color: "var(--chart-2)" },
              {
                name: t("sends.unknown"),
                of: ({ unknown_sends }) => unknown_sends,
                color: "var(--chart-quiet)",
              },
            ]}
          />
        )}
      </SimpleGrid>
    </Section>
  );
}

/** WhatsApp's categories of prices. */
const categories = [
  "service",
  "utility",
  "marketing",
  "marketing_lite",
  "authentication",
  "general_purpose_ai",
  "referral_conversion",
] as const;

function Cost(props: Props) {
  const { t } = useTranslation("overview");
  const { count, compact, money } = useFormat();
  const measured = useMeasured(props);
  const { days, trials, charges } = props.now;
  const chargeName = ({ category, billable, cost_micros }: Schemas["Charges"]) => {
    // WhatsApp adds categories: one that this page does not know is shown in its own words.
    const word = categories.find((one) => one === category);
    const name = word ? t(`charges.category.${word}`) : (category ?? t("charges.none"));
    if (billable == null) return name;
    if (!billable) return t("charges.free", { name });
    return cost_micros == null
      ? t("charges.billed", { name })
      : t("charges.cost", { name, cost: money(cost_micros) });
  };
  const shared = { days, asTable: props.asTable };
  const tried = (overview: Overview) =>
    overview.trials.reduce((sum, { cost_micros }) => sum + cost_micros, 0);
  const charged = (overview: Overview) =>
    overview.charges.reduce((sum, { cost_micros }) => sum + (cost_micros ?? 0), 0);
  const read = ({ total }: Overview) => total.input_tokens + total.output_tokens;
  return (
    <Section
      title={t("money.title")}
      figures={
        <>
          {measured({ name: t("total.money"), of: total("cost_micros"), say: money })}
          {trials.length > 0 && measured({ name: t("total.trials"), of: tried, say: money })}
          {charges.some(({ cost_micros }) => cost_micros) &&
            measured({ name: t("total.charged"), of: charged, say: money })}
          {measured({ name: t("total.tokens"), of: read, say: compact })}
        </>
      }
    >
      <SimpleGrid cols={beside}>
        <Chart
          {...shared}
          kind="bars"
          say={money}
          title={t("money.chart")}
          series={[{ name: t("money.spent"), of: ({ cost_micros }) => cost_micros, color: "var(--chart-1)" }]}
        />
        <Chart
          {...shared}
          kind="beside"
          say={props.asTable ? count : compact}
          title={t("tokens.title")}
          series={[
            { name: t("tokens.read"), of: ({ input_tokens }) => input_tokens, color: "var(--chart-1)" },
            { name: t("tokens.written"), of: ({ output_tokens }) => output_tokens, color: "var(--chart-2)" },
          ]}
        />
        {trials.length > 0 && (
          <Panel title={t("trials.title")}>
            <Ranking
              say={money}
              rows={trials.map(({ kind, runs, cost_micros }) => ({
                name: t("trials.line", { kind: t(`trials.${kind}`), runs: count(runs) }),
                count: cost_micros,
              }))}
            />
          </Panel>
        )}
        {charges.length > 0 && (
          <Panel title={t("charges.title")}>
            <Ranking
              say={count}
              rows={charges.map((one) => ({ name: chargeName(one), count: one.messages }))}
            />
          </Panel>
        )}
      </SimpleGrid>
    </Section>
  );
}
