import { act, type RefObject, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { useHere } from "./useHere";

function PresenceProbe({ take }: { take: (here: RefObject<boolean>) => void }) {
  take(useHere());
  return null;
}

test("a component is here until it is taken away", async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  let here: RefObject<boolean> | undefined;
  const take = (taken: RefObject<boolean>) => {
    here = taken;
  };
  const root = createRoot(document.createElement("div"));
  await act(async () =>
    root.render(
      <StrictMode>
        <PresenceProbe take={take} />
      </StrictMode>,
    ),
  );
  expect(here?.current).toBe(true);
  await act(async () => root.unmount());
  expect(here?.current).toBe(false);
});
