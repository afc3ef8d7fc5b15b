// What became of a campaign's messages, in figures and words.
import { Paper, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { useNote } from "../inbox/note";
import { Figure } from "../overview/Figure";
import { type Results, reach } from "./campaign";

export function ResultFigures({ results }: { results: Results }) {
  const { t } = useTranslation("campaigns");
  const format = useFormat();
  const { left, sent, delivered, read } = reach(results);
  const ofSent = (part: number) =>
    sent > 0 ? t("results.ofSent", { share: format.share(part / sent) }) : undefined;
  return (
    <Stack gap="md">
      <SimpleGrid cols={{ base: 2, xs: 3, md: 6 }}>
        <Figure name={t("results.sent")} value={format.count(sent)} note={t("results.sentAbout")} />
        <Figure name={t("results.delivered")} value={format.count(delivered)} note={ofSent(delivered)} />
        <Figure name={t("results.read")} value={format.count(read)} note={ofSent(read)} />
        <Figure
          name={t("results.answered")}
          value={format.count(results.answered)}
          note={ofSent(results.answered)}
        />
        <Figure
          name={t("results.optedOut")}
          value={format.count(results.opted_out)}
          note={ofSent(results.opted_out)}
        />
        <Figure
          name={t("results.failed")}
          value={format.count(results.failed)}
          bad={results.failed > 0}
          note={t("results.failedAbout")}
        />
      </SimpleGrid>
      <ResultDetails results={results} left={left} />
    </Stack>
  );
}

function ResultDetails({ results, left }: { results: Results; left: number }) {
  const { t } = useTranslation(["campaigns", "templates"]);
  const format = useFormat();
  const noteOf = useNote();
  const { failures, charges, unknown } = results;
  const skipped = {
    opted_out: results.skipped_opted_out,
    repeated: results.skipped_repeated,
    values: results.skipped_values,
  };
  const words = (count: number, text: ReactNode) => (
    <>
      <strong>{format.count(count)}</strong> · {text}
    </>
  );
  const parts = [
    {
      title: t("results.left"),
      lines: [
        left > 0 && words(left, t("results.leftAbout")),
        unknown > 0 && words(unknown, t("results.unknown")),
      ],
    },
    {
      title: t("results.whyFailed"),
      lines: failures.map(({ count, note, note_code }) => {
        const said = noteOf({ note, note_code });
        return words(
          count,
          <>
            {said?.text ?? (said?.words ? undefined : t("results.noReason"))}
            {said?.words && <bdi lang="en">{said.words}</bdi>}
          </>,
        );
      }),
    },
    {
      title: t("results.skipped"),
      lines: [
        skipped.opted_out > 0 && words(skipped.opted_out, t("skip.opted_out")),
        skipped.repeated > 0 && words(skipped.repeated, t("skip.repeated")),
        skipped.values > 0 && words(skipped.values, t("skip.values")),
      ],
    },
    {
      title: t("results.charges"),
      lines: charges.map(({ count, category, billable, cost_micros }) =>
        words(
          count,
          <>
            {category
              ? t(`templates:category.${category}`, { defaultValue: category })
              : t("templates:category.other")}
            {billable != null && ` · ${t(billable ? "results.charged" : "results.free")}`}
            {billable && cost_micros != null && ` · ${format.money(cost_micros)}`}
          </>,
        ),
      ),
    },
  ];
  const shown = parts
    .map(({ title, lines }) => ({ title, lines: lines.filter(Boolean) }))
    .filter(({ lines }) => lines.length > 0);
  if (shown.length === 0) return null;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      {shown.map(({ title, lines }) => (
        <Paper key={title} withBorder p="md">
          <Title order={3} size="h4" mb={6}>
            {title}
          </Title>
          <Stack gap={4} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
            {lines.map((line, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines do not change places.
              <Text size="sm" component="li" key={at}>
                {line}
              </Text>
            ))}
          </Stack>
        </Paper>
      ))}
    </SimpleGrid>
  );
}
