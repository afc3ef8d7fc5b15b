import { MantineProvider } from "@mantine/core";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test, vi } from "vitest";
import { Ranking } from "./Ranking";

beforeAll(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
});

const widths = (counts: number[], nameOf = (at: number) => `reason ${at}`) => {
  const rows = counts.map((count, at) => ({ name: nameOf(at), count }));
  const drawn = renderToStaticMarkup(
    <MantineProvider>
      <Ranking rows={rows} say={String} />
    </MantineProvider>,
  );
  return [...drawn.matchAll(/width:([\d.]+)%/g)].map(([, width]) => Number(width));
};

test("a reason's bar is its share of all, so that one case each fills none", () => {
  expect(widths([1, 1, 1, 1])).toEqual([25, 25, 25, 25]);
  expect(widths([3, 1])).toEqual([75, 25]);
  expect(widths([2])).toEqual([100]);
});

test("reasons that read the same in the reader's language are counted together", () => {
  expect(widths([2, 1, 5], (at) => (at < 2 ? "The bot failed" : "A person was asked for"))).toEqual([
    62.5, 37.5,
  ]);
});
