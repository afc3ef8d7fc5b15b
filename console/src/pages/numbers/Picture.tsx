// A drawing of a provider's page, with the place marked where a value is found.
import { useDirection } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { type Line, type Page, type PictureName, pictures } from "./pictures";

const WIDTH = 340;
const HEIGHT = 182;
const BAR = 26;
const MENU = 116;
const GAP = 10;
const LINE = 46;

const ink = "var(--mantine-color-text)";
const faint = "var(--mantine-color-dimmed)";
const edge = "var(--mantine-color-default-border)";
const accent = "var(--mantine-primary-color-filled)";

type Place = {
  /** The left edge of a box that is `x` from the side where reading begins. */
  left: (x: number, width: number) => number;
  anchor: "start" | "end";
};

type WordsProps = { x: number; y: number; at: Place; colour?: string; bold?: boolean; children: string };

/** Words of the page. They are English in every language, so they run from left to right. */
function Words({ x, y, at, colour = ink, bold, children }: WordsProps) {
  return (
    <text
      x={at.left(x, 0)}
      y={y}
      fill={colour}
      fontSize={11}
      fontWeight={bold ? 650 : undefined}
      textAnchor={at.anchor}
      direction="ltr"
      unicodeBidi="isolate"
    >
      {children}
    </text>
  );
}

type BoxProps = {
  x: number;
  y: number;
  width: number;
  height: number;
  at: Place;
  fill?: string;
  stroke?: string;
};

function Box({ x, width, at, fill = "none", ...box }: BoxProps) {
  return <rect x={at.left(x, width)} width={width} rx={5} fill={fill} {...box} />;
}

/** `name`: what the picture shows, for who does not see it. */
export function Picture({ name }: { name: PictureName }) {
  const { t } = useTranslation("numbers");
  const { dir } = useDirection();
  const page: Page = pictures[name];
  const at: Place =
    dir === "rtl"
      ? { left: (x, width) => WIDTH - x - width, anchor: "end" }
      : { left: (x) => x, anchor: "start" };
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width="100%"
      style={{ maxWidth: WIDTH, display: "block" }}
      role="img"
      aria-label={t(`picture.${name}`)}
      fontFamily="inherit"
    >
      <Box
        x={0.5}
        y={0.5}
        width={WIDTH - 1}
        height={HEIGHT - 1}
        at={at}
        fill="var(--mantine-color-body)"
        stroke={edge}
      />
      <line x1={0} x2={WIDTH} y1={BAR} y2={BAR} stroke={edge} />
      <circle cx={at.left(14, 0)} cy={BAR / 2} r={4} fill={edge} />
      <Words x={28} y={BAR / 2 + 4} at={at} colour={faint}>
        {page.host}
      </Words>
      <line x1={at.left(MENU, 0)} x2={at.left(MENU, 0)} y1={BAR} y2={HEIGHT} stroke={edge} />
      {page.menu.map((entry, place) => (
        <Entry key={entry} entry={entry} open={entry === page.open} y={BAR + 8 + place * 27} at={at} />
      ))}
      {page.lines.map((line, place) => (
        <PageLine key={line.label} line={line} y={BAR + 9 + place * (LINE + 3)} at={at} />
      ))}
    </svg>
  );
}

function Entry({ entry, open, y, at }: { entry: string; open: boolean; y: number; at: Place }) {
  return (
    <>
      {open && (
        <Box x={5} y={y} width={MENU - 10} height={23} at={at} fill="var(--mantine-primary-color-light)" />
      )}
      <Words x={entry.startsWith(" ") ? 22 : 12} y={y + 15} at={at} colour={open ? ink : faint} bold={open}>
        {entry.trim()}
      </Words>
    </>
  );
}

function PageLine({ line, y, at }: { line: Line; y: number; at: Place }) {
  const x = MENU + GAP;
  const width = WIDTH - x - GAP;
  return (
    <>
      {line.marked && (
        <rect
          x={at.left(x - 4, width + 8)}
          y={y - 3}
          width={width + 8}
          height={LINE}
          rx={7}
          fill="var(--mantine-primary-color-light)"
          stroke={accent}
          strokeWidth={2}
        />
      )}
      {line.is === "button" && (
        <>
          <Box x={x + 4} y={y + 7} width={line.label.length * 7 + 22} height={26} at={at} fill={accent} />
          <Words x={x + 14} y={y + 24} at={at} colour="var(--mantine-color-white)" bold>
            {line.label}
          </Words>
        </>
      )}
      {line.is === "switch" && (
        <>
          <Words x={x + 4} y={y + 24} at={at} bold={line.marked}>
            {line.label}
          </Words>
          <rect
            x={at.left(WIDTH - GAP - 34, 28)}
            y={y + 12}
            width={28}
            height={16}
            rx={8}
            fill={line.on ? accent : edge}
          />
          <circle
            cx={at.left(WIDTH - GAP - (line.on ? 14 : 26), 0)}
            cy={y + 20}
            r={5.5}
            fill="var(--mantine-color-white)"
          />
        </>
      )}
      {line.is === "value" && (
        <>
          <Words x={x + 4} y={y + 11} at={at} colour={faint}>
            {line.label}
          </Words>
          <Box
            x={x + 4}
            y={y + 16}
            width={width - (line.button ? 56 : 8)}
            height={22}
            at={at}
            fill="var(--mantine-color-body)"
            stroke={edge}
          />
          <Words x={x + 11} y={y + 31} at={at} bold={line.marked}>
            {line.value}
          </Words>
          {line.button && (
            <Words x={WIDTH - GAP - 40} y={y + 31} at={at} bold>
              {line.button}
            </Words>
          )}
        </>
      )}
    </>
  );
}
