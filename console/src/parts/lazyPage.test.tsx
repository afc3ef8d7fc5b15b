import { MantineProvider } from "@mantine/core";
import { act, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { begin } from "@/i18n";
import { lazyPage } from "./lazyPage";

const ArrivedPage = () => <h1>Arrived</h1>;

beforeAll(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  await begin();
});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a page whose code cannot be fetched says so, and opens once it can be", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no connection")));
  let reachable = false;
  const Page = lazyPage(async () => {
    if (!reachable) throw new TypeError("Failed to fetch dynamically imported module: /assets/Page.js");
    return { ArrivedPage };
  }, "ArrivedPage");
  const box = document.createElement("div");
  const root = createRoot(box);
  // The router waits for it: a page that cannot be loaded must not keep it waiting, or break it.
  await Page.preload?.();
  await act(async () =>
    root.render(
      <MantineProvider>
        <Suspense>
          <Page />
        </Suspense>
      </MantineProvider>,
    ),
  );
  expect(box.textContent).toContain("This page has not arrived yet");
  reachable = true;
  await act(() => vi.advanceTimersByTimeAsync(1_000));
  expect(box.querySelector("h1")?.textContent).toBe("Arrived");
  expect(box.textContent).not.toContain("This page has not arrived yet");
  await act(async () => root.unmount());
});
