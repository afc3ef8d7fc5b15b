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
import { wordsOf } from "@/api/words";
import { begin } from "@/i18n";
import { ActivityRow } from "./ActivityRow";
import { actions } from "./actions";

beforeAll(async () => {
  await begin();
  await i18n.loadNamespaces(["activity", "models"]);
  queries.setQueryData(
    ["get", "/api/v1/agents"],
    [{ id: "agt_1", slug: "shop", source: "---\nname: Harbour Books\n---\nHello." }],
  );
  queries.setQueryData(["get", "/api/v1/collections"], [{ slug: "lamps", title: "Lamps & shades" }]);
});

const router = createRouter({ routeTree: createRootRoute(), history: createMemoryHistory() });

function row(part: object): string {
  const written = {
    id: "aud_1",
    actor: "desk",
    subject: "",
    outcome: "done",
    address: "",
    detail: {},
    ...part,
  };
  return renderToStaticMarkup(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <RouterContextProvider router={router}>
          <ActivityRow entry={JSON.parse(JSON.stringify({ ...written, created_at: 0 }))} />
        </RouterContextProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

const words = (part: object) => {
  const box = document.createElement("div");
  box.innerHTML = row(part);
  return box.querySelector("p")?.textContent;
};

test("a sentence says what was done, to what by its name, with a link to it", () => {
  const published = { action: "agent.published", subject: "shop", detail: { version: 4 } };
  expect(words(published)).toBe("Published version 4 of Harbour Books");
  expect(row(published)).toContain('href="/sandbox?agent=shop"');
  expect(words({ action: "agent.removed", subject: "gone" })).toBe("Deleted the agent gone");
  expect(row({ action: "agent.removed", subject: "gone" })).not.toContain("href");
  expect(words({ action: "answer.created", subject: "acme/ans_1" })).toBe("Added a curated answer · acme");
});

test("a model is chosen or removed for a task, and for an agent by its name", () => {
  const set = { action: "model.set", subject: "speech", detail: { provider: "openai", model: "whisper-1" } };
  expect(words(set)).toBe("Chose the model whisper-1 · Voice notes");
  expect(words({ ...set, subject: "chat/agt_1" })).toBe(
    "Chose the model whisper-1 · Answers · Harbour Books",
  );
  expect(row({ ...set, subject: "chat/agt_1" })).toContain('href="/sandbox?agent=shop"');
  expect(words({ ...set, detail: { provider: "off", model: "" } })).toBe(
    "Switched a model off · Voice notes",
  );
  expect(words({ action: "model.removed", subject: "reranking/agt_9" })).toBe(
    "Removed the chosen model · Best passages first · an agent that is gone",
  );
});

test("a collection is called by its title, and by the one that it was given then", () => {
  expect(words({ action: "document.uploaded", subject: "lamps" })).toBe("Added documents to Lamps & shades");
  const renamed = (detail: object) => words({ action: "collection.renamed", subject: "lamps", detail });
  expect(renamed({ title: "Lamps", before: "" })).toBe("Renamed the collection Lamps");
  expect(renamed({ title: "", before: "Lamps" })).toBe("Renamed the collection lamps · before: Lamps");
  // A command does not say it.
  expect(renamed({})).toBe("Renamed the collection Lamps & shades");
});

test("what was refused is not said to have been done", () => {
  const refused = { action: "collection.removed", subject: "acme", outcome: "refused" };
  expect(words(refused)).toBe("Refused Delete a collection · acme");
  expect(words({ action: "agent.refused", subject: "shop", outcome: "refused" })).toBe(
    "Refused The gate refused a version of Harbour Books",
  );
});

test("an entry that lacks what its sentence names is still said", () => {
  expect(words({ action: "agent.published", subject: "shop" })).toBe("Publish a version · Harbour Books");
  expect(words({ action: "collection.created" })).toBe("Create a collection");
  expect(words({ action: "agent.vanished" })).toBe("Did something that this page does not know");
});

test("foreign words are text only", () => {
  const hostile = "<img src=x onerror=alert(1)> {{what}} $t(none)";
  const html = row({
    action: "agent.removed",
    subject: hostile,
    actor: hostile,
    detail: { reason: hostile },
  });
  expect(html).not.toContain("<img");
  expect(html.match(/\{\{what\}\} \$t\(none\)/g)).toHaveLength(3);
});

test("a sentence names something only where the entry can be about it", () => {
  const naming = wordsOf(actions).filter((action) =>
    i18n.t(`activity:done.${action}`, { what: "Acme" }).includes("Acme"),
  );
  expect(naming).toContain("collection.created");
  for (const action of naming) expect(actions[action].subject, action).toBeDefined();
});
