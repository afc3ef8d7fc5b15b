// The list reads itself again after events were missed: they are not sent a second time.
import { QueryClientProvider } from "@tanstack/react-query";
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { api } from "@/api/client";
import { queries } from "@/api/queries";
import { useConversations } from "./conversations";
import { filterOf } from "./filter";

const filter = filterOf({});
const deepest = () => 0;
function Watch() {
  useConversations(filter, deepest);
  return null;
}

const settled = () => act(() => vi.waitFor(() => expect(queries.isFetching()).toBe(0)));

test("the list that is shown is read again when all is", async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  const read = vi.spyOn(api, "GET").mockReturnValue(JSON.parse('{"data":{"items":[],"next":null}}'));
  const root = createRoot(document.createElement("div"));
  const shown = createElement(QueryClientProvider, { client: queries }, createElement(Watch));
  act(() => root.render(shown));
  await settled();
  expect(read).toHaveBeenCalledTimes(1);
  await act(() => queries.invalidateQueries());
  await settled();
  expect(read).toHaveBeenCalledTimes(2);
  act(() => root.unmount());
});
