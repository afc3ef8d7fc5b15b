// Settings: models are chosen in the console, for all and for single agents, and are used without a restart.
import { createServer } from "node:http";
import type { Locator, Page } from "@playwright/test";
import { listen } from "../support/graph.js";
import { accessible, expect, type Schemas, test } from "../support/test.js";

const secret = "sk-of-the-shop-0123456789";

/** Names an endpoint in a form; its provider has OpenAI's or Cohere's API. */
async function endpoint(page: Page, form: Locator, url: string, model: string) {
  await form.getByRole("combobox", { name: "Provider" }).click();
  await page.getByRole("option", { name: /^Another one with/ }).click();
  await form.getByRole("textbox", { name: "Address" }).fill(url);
  await form.getByRole("combobox", { name: "Model", exact: true }).fill(model);
}

test("a reranker and embeddings are tried, saved, used, and left to the configuration again", async ({ page, desk }) => {
  test.setTimeout(120_000);
  await page.goto("/settings/models");
  const reranker = page.getByTestId("part-reranking");
  await expect(reranker).toContainText("Off");
  await reranker.getByRole("button", { name: "Change: Best passages first" }).click();
  const ranks = reranker.getByRole("form");
  await ranks.getByRole("combobox", { name: "Provider" }).click();
  await page.getByRole("option", { name: "A model on the desk's machine" }).click();
  await expect(ranks.getByRole("note")).toContainText("no model for this task");
  await expect(ranks.getByRole("button", { name: "Save" })).toBeDisabled();
  await endpoint(page, ranks, desk.model.url, "");
  await expect(ranks).toContainText("Everything before /rerank");
  await ranks.getByRole("button", { name: "Test", exact: true }).click();
  await expect(ranks.getByTestId("trial")).toContainText("it put the right one first");
  await accessible(page, "models with a trial of a reranker");
  await ranks.getByRole("button", { name: "Save" }).click();
  await expect(reranker).toContainText("Chosen here");
  await expect(reranker).toContainText(`Questions and passages are sent to ${desk.model.url}`);
  await expect(reranker.getByRole("button", { name: "Change: Best passages first" })).toBeFocused();

  const embeddings = page.getByTestId("part-embeddings");
  await embeddings.getByRole("button", { name: "Change: Search by meaning" }).click();
  const embeds = embeddings.getByRole("form");
  await endpoint(page, embeds, desk.model.url, "fake-embedding");
  await embeds.getByRole("button", { name: "Test", exact: true }).click();
  await expect(embeds.getByTestId("trial")).toContainText("26 numbers");
  let prepare = () => {};
  desk.model.embeds = new Promise((done) => {
    prepare = done;
  });
  await embeds.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("It is used when all documents are prepared.")).toBeVisible();
  await expect(embeddings.getByTestId("preparation")).toContainText(/: 0 of \d+\. Until then search is by words alone/);
  await accessible(page, "models with embeddings that are prepared");
  prepare();
  await expect(embeddings.getByTestId("preparation")).toBeHidden();
  await expect(embeddings).toContainText("openai/fake-embedding");
  await expect(embeddings).toContainText("Chosen here");
  const status = await desk.api<Schemas["Status"]>("/status");
  expect(status.embedder).toContain("fake-embedding");

  for (const [part, task] of [[embeddings, "Search by meaning"], [reranker, "Best passages first"]] as const) {
    await part.getByRole("button", { name: `Use the configuration: ${task}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Use the configuration" }).click();
    await expect(part).not.toContainText("Chosen here");
    await expect(part).toContainText("Off");
  }

  await page.goto("/settings/activity");
  const log = page.getByRole("main");
  await expect(log).toContainText("Chose the model fake-embedding · Search by meaning");
  await expect(log).toContainText("Removed the chosen model · Best passages first");
});

test("an agent whose settings name a model keeps it, and can have its own for other tasks", async ({ page }) => {
  await page.goto("/settings/models");
  await expect(page.getByTestId("own-shop")).toContainText("Answers: fake-model");
  await expect(page.getByTestId("own-shop")).toContainText("In its settings");
  await page.getByRole("button", { name: "Give an agent its own model" }).click();
  await page.getByRole("combobox", { name: "Agent" }).click();
  await page.getByRole("option", { name: "Harbour Books" }).click();
  await expect(page.getByText("Its settings name fake-model for its answers")).toBeVisible();
  await page.getByRole("combobox", { name: "Task" }).click();
  await expect(page.getByRole("option", { name: "Answers" })).toHaveAttribute("data-combobox-disabled", "true");
  await page.getByRole("option", { name: "Voice notes" }).click();
  const form = page.getByRole("form", { name: "Choose a model: Voice notes" });
  await form.getByRole("combobox", { name: "Provider" }).click();
  await page.getByRole("option", { name: "Off" }).click();
  await expect(form).toContainText("Voice notes are not heard.");
  await accessible(page, "the form of an agent's own model");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByTestId("own-shop-speech")).toContainText("Voice notes: Off");
  await expect(page.getByTestId("part-speech")).not.toContainText("Chosen here");
});

test("a model of the machine is used with one button, and one that is broken says why", async ({ page, desk }) => {
  // The head of a Whisper model, without the rest.
  desk.write("data/models/whisper-tiny/ggml-tiny.bin", `lmgg${"\x01".repeat(96)}`);
  await page.goto("/settings/models");
  const local = page.getByTestId("local-whisper-tiny");
  await expect(local).toContainText("Not in use");
  await local.getByRole("button", { name: "Use whisper-tiny" }).click();
  const speech = page.getByTestId("part-speech");
  await expect(speech).toContainText("Chosen here");
  await expect(speech.getByRole("alert")).toContainText("Voice notes are not heard.");
  await expect(speech.getByRole("alert")).toContainText("ggml-tiny.bin");
  await expect(local.getByRole("button", { name: "Use whisper-tiny" })).toBeHidden();
  await accessible(page, "models with a broken one");
});

test("a model is downloaded with its progress, cancelled, taken up again, and one that is no model says why", async ({ page, desk }) => {
  const [first, second] = [7_800_000, 23_400_000];
  const total = 78_000_000;
  const ranges: (string | undefined)[] = [];
  // Whisper's file comes in parts: its second request is for the rest.
  const hub = createServer((request, response) => {
    const { range } = request.headers;
    ranges.push(range);
    const had = Number(/\d+/.exec(range ?? "")?.[0] ?? 0);
    const whole = { "content-length": String(total - had) };
    response.writeHead(range ? 206 : 200, range ? { ...whole, "content-range": `bytes ${had}-${total - 1}/${total}` } : whole);
    response.write(Buffer.alloc((range ? second : first) - had));
  });
  const url = await listen(hub);
  await desk.configures((settings) => `${settings}[models]\nhub_url = "${url}"\n`);
  await page.goto("/settings/models");
  await page.getByRole("button", { name: /^Show more/ }).click();
  const local = page.getByTestId("local-whisper-tiny");
  const progress = local.getByRole("progressbar", { name: "Download of whisper-tiny" });
  await local.getByRole("button", { name: "Download whisper-tiny" }).click();
  await expect(local).toContainText("7.8 MB of 78 MB");
  await expect(progress).toHaveAttribute("aria-valuenow", "10");
  await accessible(page, "models with a download");
  await local.getByRole("button", { name: "Cancel the download of whisper-tiny" }).click();
  await expect(progress).toHaveCount(0);
  // What came is kept.
  await local.getByRole("button", { name: "Download whisper-tiny" }).click();
  await expect(local).toContainText("23.4 MB of 78 MB");
  await expect(progress).toHaveAttribute("aria-valuenow", "30");
  expect(ranges).toEqual([undefined, `bytes=${first}-`]);
  await local.getByRole("button", { name: "Cancel the download of whisper-tiny" }).click();
  await expect(progress).toHaveCount(0);
  hub.removeAllListeners("request");
  hub.on("request", (_, response) => response.writeHead(403).end());
  await local.getByRole("button", { name: "Download whisper-tiny" }).click();
  await expect(local).toContainText(/The download failed: .*403 Forbidden/);
  await accessible(page, "models with a failed download");
  hub.closeAllConnections();
  hub.close();
});

test.describe("without a model", () => {
  test.use({ kind: "modelless" });

  test("a model is listed, tried, saved, answers in the sandbox, and is removed again", async ({ page, desk }) => {
    test.setTimeout(120_000);
    desk.model.answer = () => "The new model says: at nine [1].";
    await page.goto("/");
    await page.getByRole("link", { name: "Choose a model" }).click();
    const now = page.getByTestId("answering");
    await expect(now).toContainText("No model");
    await expect(page.getByTestId("part-speech")).toContainText("Off");
    await accessible(page, "models without a model");

    // Another private address than those of the configuration is refused, with what to do.
    await page.getByRole("combobox", { name: "Provider" }).click();
    await page.getByRole("option", { name: "Another one with OpenAI's API" }).click();
    await page.getByRole("textbox", { name: "Address" }).fill("http://192.168.7.7/v1");
    await page.getByRole("button", { name: "Load the list" }).click();
    await expect(page.getByRole("form")).toContainText("frontdesk models set");

    await page.getByRole("combobox", { name: "Provider" }).click();
    await page.getByRole("option", { name: "Ollama" }).click();
    await page.getByRole("textbox", { name: "Address" }).fill(new URL(desk.model.url).origin);
    await page.getByLabel("Key", { exact: true }).fill(secret);
    await page.getByRole("button", { name: "Load the list" }).click();
    await expect(page.getByTestId("listed")).toContainText("lists no models");
    desk.model.names = ["fake-model", "fake-model-large", "fake-embedding"];
    await page.getByRole("button", { name: "Load the list" }).click();
    await expect(page.getByTestId("listed")).toContainText("2 models listed");
    await page.getByRole("combobox", { name: "Model", exact: true }).click();
    await page.getByRole("option", { name: "fake-model-large" }).click();
    await page.getByRole("button", { name: "Test", exact: true }).click();
    const trial = page.getByTestId("trial");
    await expect(trial).toContainText("The new model says: at nine");
    await expect(trial).toContainText(/\d+ ms.*\$0/);
    await accessible(page, "models with a trial");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(now).toContainText("fake-model-large");
    await expect(now).toContainText("Chosen here");
    // The key is never shown again.
    expect(await page.content()).not.toContain(secret);
    expect(JSON.stringify(await desk.api("/settings/models"))).not.toContain(secret);

    const before = desk.model.chats.length;
    await page.goto("/sandbox?ask=When%20do%20you%20open%3F");
    await expect(page.getByTestId("spoken")).toContainText("The new model says");
    expect(desk.model.chats.slice(before).map(({ model }) => model)).toContain("fake-model-large");

    await page.goto("/settings/models");
    await page.getByRole("button", { name: "Change: Answers" }).click();
    await expect(page.getByText("A key is stored for this address.")).toBeVisible();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("button", { name: "Use the configuration: Answers" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Use the configuration" }).click();
    await expect(now).toContainText("No model");
  });

  test("an agent gets its own model, which answers for it until it is removed", async ({ page, desk }) => {
    desk.model.answer = ({ model }) => `From ${model}: at nine [1].`;
    await page.goto("/settings/models");
    await expect(page.getByText("All agents use the models above.")).toBeVisible();
    await page.getByRole("button", { name: "Give an agent its own model" }).click();
    await page.getByRole("combobox", { name: "Agent" }).click();
    await page.getByRole("option", { name: "Harbour Books" }).click();
    await page.getByRole("combobox", { name: "Task" }).click();
    await page.getByRole("option", { name: "Answers" }).click();
    const form = page.getByRole("region", { name: "Agents with a model of their own" }).getByRole("form");
    await endpoint(page, form, desk.model.url, "fake-own");
    await form.getByRole("button", { name: "Save" }).click();
    const own = page.getByTestId("own-shop-chat");
    await expect(own).toContainText("Answers: fake-own");
    await expect(own).toContainText("Chosen here");
    await expect(page.getByTestId("answering")).toContainText("No model");

    await page.goto("/sandbox?ask=When%20do%20you%20open%3F");
    await expect(page.getByTestId("spoken")).toContainText("From fake-own");

    await page.goto("/settings/models");
    await own.getByRole("button", { name: "Remove: Harbour Books, Answers" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(own).toBeHidden();
    await page.goto("/settings/activity");
    await expect(page.getByRole("main")).toContainText("Removed the chosen model · Answers · Harbour Books");
  });

  test("what an endpoint refuses is told with what to do", async ({ page, desk }) => {
    await page.goto("/settings/models");
    await page.getByRole("combobox", { name: "Model", exact: true }).fill("gpt-4o-mini");
    await page.getByRole("button", { name: "Test", exact: true }).click();
    await expect(page.getByRole("form")).toContainText("needs a key");
    await page.getByRole("combobox", { name: "Provider" }).click();
    await page.getByRole("option", { name: "Ollama" }).click();
    const { port } = new URL(desk.model.url);
    desk.model.stop();
    await page.getByRole("textbox", { name: "Address" }).fill(`http://127.0.0.1:${port}`);
    await page.getByRole("button", { name: "Load the list" }).click();
    await expect(page.getByTestId("endpoint-failed")).toContainText("Check the address");
    await accessible(page, "models with a failure");
  });
});
