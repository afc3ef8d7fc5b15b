import { MantineProvider } from "@mantine/core";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { beforeAll, expect, test, vi } from "vitest";
import { begin } from "@/i18n";
import { FoldedList } from "./FoldedList";

beforeAll(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  await begin();
});

test("a list of any length is shown step by step", async () => {
  const box = document.body.appendChild(document.createElement("div"));
  const root = createRoot(box);
  const draw = (length: number) =>
    act(async () =>
      root.render(
        <MantineProvider>
          <FoldedList all={Array.from({ length }, (_, at) => at)}>
            {(shown) => shown.map((at) => <p key={at}>{at}</p>)}
          </FoldedList>
        </MantineProvider>,
      ),
    );
  await draw(50);
  expect(box.querySelector("button")).toBeNull();
  await draw(120);
  const press = () =>
    act(async () => {
      box.querySelector("button")?.focus();
      box.querySelector("button")?.click();
    });
  expect(box.querySelectorAll("p")).toHaveLength(50);
  expect(box.querySelector("button")?.textContent).toBe("Show more (70 left)");
  await press();
  expect(box.querySelectorAll("p")).toHaveLength(100);
  expect(box.querySelector("button")?.textContent).toBe("Show more (20 left)");
  expect(document.activeElement?.textContent).toBe("50");
  await press();
  expect(box.querySelectorAll("p")).toHaveLength(120);
  expect(box.querySelector("button")).toBeNull();
  expect(document.activeElement?.textContent).toBe("100");
  await act(async () => root.unmount());
  box.remove();
});

test("the focus moves to an entry of a list within", async () => {
  const box = document.body.appendChild(document.createElement("div"));
  const root = createRoot(box);
  await act(async () =>
    root.render(
      <MantineProvider>
        <FoldedList all={Array.from({ length: 51 }, (_, at) => at)}>
          {(shown) => (
            <ul>
              {shown.map((at) => (
                <li key={at}>{at}</li>
              ))}
            </ul>
          )}
        </FoldedList>
      </MantineProvider>,
    ),
  );
  await act(async () => box.querySelector("button")?.click());
  expect(document.activeElement?.tagName).toBe("LI");
  expect(document.activeElement?.textContent).toBe("50");
  await act(async () => root.unmount());
  box.remove();
});

test("the focus moves to a row of a table within", async () => {
  const box = document.body.appendChild(document.createElement("div"));
  const root = createRoot(box);
  await act(async () =>
    root.render(
      <MantineProvider>
        <FoldedList all={Array.from({ length: 51 }, (_, at) => at)}>
          {(shown) => (
            <table>
              <thead>
                <tr />
              </thead>
              <tbody>
                {shown.map((at) => (
                  <tr key={at}>
                    <td>{at}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </FoldedList>
      </MantineProvider>,
    ),
  );
  await act(async () => box.querySelector("button")?.click());
  expect(document.activeElement?.textContent).toBe("50");
  await act(async () => root.unmount());
  box.remove();
});
