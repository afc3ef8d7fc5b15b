import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRouter,
  RouterContextProvider,
} from "@tanstack/react-router";
import i18n from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test } from "vitest";
import { queries } from "@/api/queries";
import { begin } from "@/i18n";
import { NoModel } from "./NoModel";

beforeAll(async () => {
  await begin();
  await i18n.loadNamespaces("sandbox");
});

const router = createRouter({ routeTree: createRootRoute(), history: createMemoryHistory() });

function said(status: unknown): string {
  queries.setQueryData(["get", "/api/v1/status", {}], status);
  return renderToStaticMarkup(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <RouterContextProvider router={router}>
          <NoModel>The prompt changes nothing.</NoModel>
        </RouterContextProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

test("only without a model that writes is it said that the prompt changes nothing, with the way to one", () => {
  for (const status of [undefined, { model: { is_model: true } }])
    expect(said(status)).not.toContain("The prompt changes nothing.");
  const told = said({ model: { is_model: false } });
  expect(told).toContain("The prompt changes nothing.");
  expect(told).toContain('href="/settings/models"');
});
