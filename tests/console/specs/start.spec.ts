// The start page: from an empty desk to the first answer, and the home page of a desk in use.
import { accessible, expect, test } from "../support/test.js";

test.describe("the demo", () => {
  test.use({ kind: "demo" });

  test("first start to first answer, then documents", async ({ page, desk }) => {
    await page.goto(desk.url);
    const ask = page.getByRole("region", { name: "Step 1: Ask the bot" });
    const documents = page.getByRole("region", { name: "Step 2: Add your documents" });
    await expect(ask.getByText("Next", { exact: true })).toBeVisible();
    await expect(page.getByRole("region", { name: "What is switched on" })).toContainText("without a model");
    await accessible(page, "start");
    await ask.getByRole("textbox", { name: "Your question" }).fill("What time do you close on Saturdays?");
    await page.keyboard.press("Enter");
    const answer = page.getByRole("region", { name: "The bot's answer" });
    await expect(answer).toContainText("17:00");
    await expect(answer).toContainText("Opening hours");
    await expect(answer.getByRole("link", { name: "Open in the sandbox" })).toHaveAttribute("href", /ask=/);
    await expect(ask.getByText("Done", { exact: true })).toBeVisible();
    await expect(documents.getByText("Next", { exact: true })).toBeVisible();
    await expect(documents).toContainText("They go into saltmarsh, beside the demo's own");
    await documents.locator("input[type=file]").setInputFiles({
      name: "kites.md",
      mimeType: "text/markdown",
      buffer: Buffer.from("# Kites\n\nWe repair kites on Fridays for 12 euros.\n"),
    });
    await expect(documents.getByText("Done", { exact: true })).toBeVisible();
    // What could not be read is named.
    await documents.locator("input[type=file]").setInputFiles({ name: "empty.md", mimeType: "text/markdown", buffer: Buffer.from(" \n") });
    await expect(documents.getByRole("listitem").filter({ hasText: "empty.md" })).toBeVisible();
    await expect(page.getByRole("link", { name: "Connect a number" })).toHaveAttribute("href", "/numbers/add");
  });
});

test("a desk that works shows who needs a reply, and today", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900007", "I want a *human* please", "Ada Byron");
  await desk.graph.customerSays("447700900008", "A refund, now", "Charles Babbage");
  // The bot's sentence to each is newer than their words.
  await expect.poll(() => desk.graph.sent.length).toBe(2);
  const waiting = page.getByRole("region", { name: "Needs a reply" });
  await page.goto(desk.url);
  await expect(waiting.getByRole("link", { name: /Ada Byron/ })).toContainText("I want a human please");
  const [first, second] = await waiting.getByRole("listitem").evaluateAll((all) => all.map((one) => one.getBoundingClientRect()));
  const [link] = await waiting.getByRole("link", { name: /Ada|Charles/ }).evaluateAll((all) => all.map((one) => one.getBoundingClientRect()));
  expect(second?.top, "rows lie below each other").toBeGreaterThanOrEqual(first?.bottom ?? Number.NaN);
  expect(link?.height, "a link is as high as its row").toBeCloseTo(first?.height ?? Number.NaN, 0);
  await expect(page.getByRole("region", { name: "Today" })).toContainText("Hand-offs");
  await accessible(page, "home");
  await page.getByRole("button", { name: "Show the three steps" }).click();
  await expect(page.getByRole("region", { name: "Step 3: Connect a number" })).toContainText("Ready");
  await waiting.getByRole("link", { name: /Ada Byron/ }).click();
  await expect(page).toHaveURL(/\/inbox\/conv_/);
});
