// Shows the diff of two texts, by words or by lines. Removed text is struck through and added text
// underlined, because colour alone is not enough.
import { Box, ScrollArea, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import classes from "./Diff.module.css";
import { lineCounts, lineDiff, type Piece, wordDiff } from "./differences";

function Pieces({ pieces }: { pieces: Piece[] }) {
  return pieces.map(({ text, kind }, index) => {
    if (kind === "same") return text;
    const key = `${index}`;
    return kind === "gone" ? (
      <del key={key} className={classes.gone}>
        {text}
      </del>
    ) : (
      <ins key={key} className={classes.new}>
        {text}
      </ins>
    );
  });
}

type WordProps = {
  before: string;
  after: string;
  /** Both in one text; or one of them with its own words marked, for a side-by-side view. */
  show?: "both" | "before" | "after";
};

/** A word diff. Line breaks are kept. */
export function WordDiff({ before, after, show = "both" }: WordProps) {
  const pieces = useMemo(() => {
    const all = wordDiff(before, after);
    const without = show === "before" ? "new" : show === "after" ? "gone" : undefined;
    return all.filter(({ kind }) => kind !== without);
  }, [before, after, show]);
  return (
    <Text size="sm" component="span" dir="auto" style={{ whiteSpace: "pre-wrap" }}>
      <Pieces pieces={pieces} />
    </Text>
  );
}

type LineProps = {
  before: string;
  after: string;
  /** Unchanged lines shown around a change. */
  context?: number;
  /** Label for screen readers. */
  label: string;
  /** Maximum height (Mantine's `mah`). */
  mah?: number | string;
};

/** A line diff. */
export function LineDiff({ before, after, context = 3, label, mah = 420 }: LineProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const rows = useMemo(() => lineDiff(before, after, context), [before, after, context]);
  const { gone, added } = lineCounts(rows);
  if (gone + added === 0)
    return (
      <Text size="sm" c="dimmed">
        {t("diff.none")}
      </Text>
    );
  return (
    <Box>
      <Text size="xs" c="dimmed" mb={4}>
        {t("diff.counts", { added: format.count(added), gone: format.count(gone) })}
      </Text>
      <ScrollArea.Autosize
        mah={mah}
        type="auto"
        className={classes.box}
        viewportProps={{ tabIndex: 0, role: "region", "aria-label": label }}
      >
        <div className={classes.lines} dir="ltr">
          {rows.map((row, index) =>
            row.kind === "skipped" ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other name.
              <div key={index} className={classes.skipped}>
                {t("diff.skipped", { count: row.count })}
              </div>
            ) : (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other name.
              <div key={index} className={classes.line} data-kind={row.kind}>
                <span className={classes.number} aria-hidden>
                  {row.after ?? row.before}
                </span>
                <span className={classes.sign} aria-hidden>
                  {row.kind === "gone" ? "−" : row.kind === "new" ? "+" : ""}
                </span>
                <span className={classes.text} dir="auto">
                  {row.kind === "same" ? (
                    row.pieces[0]?.text || " "
                  ) : (
                    <Line kind={row.kind} pieces={row.pieces} />
                  )}
                </span>
              </div>
            ),
          )}
        </div>
      </ScrollArea.Autosize>
    </Box>
  );
}

/** A changed line. Words are marked only where the word diff is known. */
function Line({ kind, pieces }: { kind: "gone" | "new"; pieces: Piece[] }) {
  const Tag = kind === "gone" ? "del" : "ins";
  const whole = pieces.length === 1;
  return (
    <Tag className={classes.whole}>
      {whole
        ? pieces[0]?.text || " "
        : pieces.map((piece, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name.
            <span key={index} className={piece.kind === "same" ? undefined : classes[piece.kind]}>
              {piece.text}
            </span>
          ))}
    </Tag>
  );
}
