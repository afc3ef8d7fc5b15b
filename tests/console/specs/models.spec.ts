// Settings: the model is chosen in the console and answers without a restart.
import { accessible, expect, test } from "../support/test.js";

const secret = "sk-of-the-shop-0123456789";

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
    await expect(page.getByRole("form")).toContainText("frontdesk models set chat");

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
    await page.getByRole("button", { name: "Change the model" }).click();
    await expect(page.getByText("A key is stored for this address.")).toBeVisible();
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("button", { name: "Use the configuration" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Use the configuration" }).click();
    await expect(now).toContainText("No model");
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
