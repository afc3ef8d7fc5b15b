// A figure's days as a small line without axes. The charts below say the same in full.
import { Box } from "@mantine/core";

const [WIDTH, HEIGHT] = [100, 36];
/** Room for the line's thickness. */
const EDGE = 3;

/** Where each known value lies; higher values lie higher, and the lowest place is 0. */
export function places(values: (number | null)[], most?: number): [x: number, y: number][] {
  const top = Math.max(most ?? 0, ...values.map((value) => value ?? 0)) || 1;
  const step = WIDTH / Math.max(values.length - 1, 1);
  return values.flatMap((value, at): [number, number][] =>
    value === null ? [] : [[at * step, HEIGHT - EDGE - (value / top) * (HEIGHT - 2 * EDGE)]],
  );
}

type Props = {
  values: (number | null)[];
  /** The highest possible value. */
  most?: number;
};

export function Sparkline({ values, most }: Props) {
  const [first, ...rest] = places(values, most);
  const last = rest.at(-1) ?? first;
  const at = ([x, y]: [number, number]) => `${x.toFixed(2)},${y.toFixed(2)}`;
  const line = first && `M${[first, ...rest].map(at).join("L")}`;
  return (
    <Box
      component="svg"
      className="flip"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      width="100%"
      height={HEIGHT}
      aria-hidden
      fill="none"
      stroke="var(--chart-1)"
      strokeLinecap="round"
      strokeLinejoin="round"
      display="block"
      style={{ overflow: "visible" }}
    >
      {first && last && (
        <>
          <path
            d={`${line}L${at([last[0], HEIGHT])}L${at([first[0], HEIGHT])}Z`}
            fill="var(--chart-1)"
            fillOpacity={0.12}
            stroke="none"
          />
          <path d={line} strokeWidth={1.75} vectorEffect="non-scaling-stroke" />
          <path d={`M${at(last)}h0`} strokeWidth={6} vectorEffect="non-scaling-stroke" />
        </>
      )}
    </Box>
  );
}
