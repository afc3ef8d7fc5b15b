import { MantineProvider } from "@mantine/core";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test, vi } from "vitest";
import { places, Sparkline } from "./Sparkline";

beforeAll(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
});

const drawn = (values: (number | null)[]) =>
  renderToStaticMarkup(
    <MantineProvider>
      <Sparkline values={values} />
    </MantineProvider>,
  );

test("days stand from the first to the last edge, the highest value at the top", () => {
  expect(places([0, 4, 2])).toEqual([
    [0, 33],
    [50, 3],
    [100, 18],
  ]);
});

test("a share is measured against all, not against its best day", () => {
  expect(places([0.5, 0.5], 1)).toEqual([
    [0, 18],
    [100, 18],
  ]);
});

test("a day of which nothing is known leaves no point, and nothing known draws nothing", () => {
  expect(places([1, null, 1]).map(([x]) => x)).toEqual([0, 100]);
  expect(drawn([null, null])).not.toContain("<path");
  expect(drawn([0, 0])).toContain("M0.00,33.00L100.00,33.00");
  expect(drawn([5])).not.toContain("NaN");
});
