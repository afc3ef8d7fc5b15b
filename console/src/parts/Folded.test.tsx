import { MantineProvider } from "@mantine/core";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { beforeAll, expect, test, vi } from "vitest";
import { begin } from "@/i18n";
import { Folded } from "./Folded";

beforeAll(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  await begin();
});

test("a list of any length is shown step by step", async () => {
  const box = document.createElement("div");
  const root = createRoot(box);
  const draw = (length: number) =>
    act(async () =>
      root.render(
        <MantineProvider>
          <Folded all={Array.from({ length }, (_, at) => at)}>
            {(shown) => shown.map((at) => <p key={at}>{at}</p>)}
          </Folded>
        </MantineProvider>,
      ),
    );
  await draw(50);
  expect(box.querySelector("button")).toBeNull();
  await draw(10_000);
  expect(box.querySelectorAll("p")).toHaveLength(50);
  await act(async () => box.querySelector("button")?.click());
  expect(box.querySelectorAll("p")).toHaveLength(100);
  await act(async () => root.unmount());
});
