import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import i18n from "i18next";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { beforeAll, expect, test, vi } from "vitest";
import { begin } from "@/i18n";
import { ConfirmProvider } from "./Confirm";
import { NamedClose } from "./NamedClose";
import { useRemoval } from "./useRemoval";

beforeAll(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  await begin();
});

type Removal = ReturnType<typeof useRemoval>;

function RemovalProbe({ take }: { take: (removal: Removal) => void }) {
  take(useRemoval());
  return null;
}

test("a removal asks first, says that it is done, and says why it is not", async () => {
  let removal: Removal | undefined;
  const take = (taken: Removal) => {
    removal = taken;
  };
  const box = document.body.appendChild(document.createElement("div"));
  const root = createRoot(box);
  await act(async () =>
    root.render(
      <MantineProvider env="test">
        <Notifications />
        <NamedClose>
          <ConfirmProvider>
            <RemovalProbe take={take} />
          </ConfirmProvider>
        </NamedClose>
      </MantineProvider>,
    ),
  );
  const question = { title: "Delete x?", text: "It is gone then.", yes: "Delete it" };
  const remove = vi.fn<() => Promise<unknown>>(async () => {});
  const answered = async (button: string) => {
    let gone: Promise<boolean> | undefined;
    await act(async () => {
      gone = removal?.(question, remove, "x is deleted");
    });
    const close = [...document.querySelectorAll("[role=dialog] button")].map((one) =>
      one.getAttribute("aria-label"),
    );
    expect(close).toContain(i18n.t("action.close"));
    const pressed = [...document.querySelectorAll<HTMLButtonElement>("[role=dialog] button")].find(
      (one) => one.textContent === button,
    );
    await act(async () => pressed?.click());
    return gone;
  };

  expect(await answered("Cancel")).toBe(false);
  expect(remove).not.toHaveBeenCalled();
  remove.mockRejectedValueOnce(new Error("An agent uses it."));
  expect(await answered("Delete it")).toBe(false);
  expect(document.body.textContent).toContain("An agent uses it.");
  expect(document.body.textContent).not.toContain("x is deleted");
  expect(await answered("Delete it")).toBe(true);
  expect(document.body.textContent).toContain("x is deleted");
  await act(async () => root.unmount());
  box.remove();
});
