// Where the focus goes when what had it is disabled or gone.
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, expect, test, vi } from "vitest";
import { useKeptFocus } from "./useKeptFocus";

type State = "before" | "loading" | "gone";

function Page({ state }: { state: State }) {
  useKeptFocus();
  const isLoading = state === "loading";
  return (
    <main tabIndex={-1}>
      <a href="/elsewhere">Far</a>
      <div>
        {state !== "gone" && (
          <button type="button" disabled={isLoading} data-loading={isLoading || undefined}>
            Save
          </button>
        )}
        <button type="button">Beside</button>
      </div>
    </main>
  );
}

async function shown() {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const box = document.body.appendChild(document.createElement("div"));
  const root = createRoot(box);
  const show = async (state: State) => {
    await act(async () => root.render(<Page state={state} />));
    await new Promise((done) => setTimeout(done, 80));
  };
  await show("before");
  box.querySelector("button")?.focus();
  return { box, show };
}

const focused = () => document.activeElement?.textContent;

afterEach(() => document.body.replaceChildren());

test("a button that loads has the focus again afterwards", async () => {
  const { box, show } = await shown();
  // The browser, not jsdom, takes the focus from what is disabled.
  const save = box.querySelector("button") ?? box;
  const focus = vi.spyOn(save, "focus");
  const active = vi.spyOn(document, "activeElement", "get").mockReturnValue(document.body);
  await show("loading");
  expect(focus).not.toHaveBeenCalled();
  await show("before");
  expect(focus).toHaveBeenCalledOnce();
  active.mockRestore();
});

test("what stood beside a button that is gone gets the focus", async () => {
  const { show } = await shown();
  await show("gone");
  expect(focused()).toBe("Beside");
});

test("whoever leaves a field is left alone", async () => {
  const { box, show } = await shown();
  box.querySelector("button")?.blur();
  // What leaves is told in a task of its own.
  await show("before");
  await show("gone");
  expect(document.activeElement).toBe(document.body);
});
