import { MantineProvider, Modal } from "@mantine/core";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { begin } from "@/i18n";
import { lazyDialog } from "./lazyDialog";

type Props = { opened: boolean; onClose: () => void };

const ArrivedDialog = ({ opened, onClose }: Props) => (
  <Modal opened={opened} onClose={onClose} title="Arrived">
    <input aria-label="field" />
  </Modal>
);

beforeAll(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  await begin();
});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a dialog is fetched when it is opened, says so where it cannot be, and gives the focus back", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no connection")));
  let reachable = false;
  const load = vi.fn(async () => {
    if (!reachable) throw new TypeError("Failed to fetch dynamically imported module: /assets/Dialog.js");
    return ArrivedDialog;
  });
  const Dialog = lazyDialog(load);
  const box = document.body.appendChild(document.createElement("div"));
  const root = createRoot(box);
  const draw = (opened: boolean) =>
    act(async () =>
      root.render(
        <MantineProvider>
          <button type="button">Open</button>
          <Dialog opened={opened} onClose={() => {}} />
        </MantineProvider>,
      ),
    );
  const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  const text = () => document.body.textContent;
  await draw(false);
  expect(load).not.toHaveBeenCalled();
  box.querySelector("button")?.focus();
  await draw(true);
  await pass(500);
  expect(text()).toContain("has not arrived yet");
  // The rest of the page is there.
  expect(text()).toContain("Open");
  reachable = true;
  await pass(1_000);
  expect(text()).toContain("Arrived");
  expect(text()).not.toContain("has not arrived yet");
  await draw(false);
  await pass(1_000);
  expect(text()).not.toContain("Arrived");
  box.querySelector("button")?.focus();
  await draw(true);
  await pass(500);
  expect(document.activeElement?.closest("[role=dialog]")).not.toBeNull();
  await draw(false);
  await pass(1_000);
  expect(document.activeElement).toBe(box.querySelector("button"));
  await act(async () => root.unmount());
});
