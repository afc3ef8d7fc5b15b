// Start with a business of one's own: from a website, or without one, to a bot that answers; the demo is left.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { accessible, expect, type Schemas, test } from "../support/test.js";

const pages: Record<string, [title: string, body: string]> = {
  "/": ["Welcome", "<p>Green Kettle is a small shop for loose teas and teapots on Mill Lane, where you can taste every tea that we sell.</p>"],
  "/hours": ["Opening hours", "<ul><li>Monday: closed</li><li>Tuesday to Friday: 9:00 to 18:00</li><li>Saturday: 10:00 to 16:00</li></ul>"],
  "/delivery": ["Delivery", "<h2>Do you deliver teapots to other countries?</h2><p>We deliver teapots to all countries of Europe for 12 euros within five days.</p>"],
};

const links = Object.keys(pages).map((path) => `<a href="${path}">${path}</a>`).join(" ");

/** A shop's website. `until`: what its opening hours wait for. */
async function website(until?: Promise<void>): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const page = pages[request.url ?? ""];
    const answer = () => {
      response.writeHead(page ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
      response.end(page ? `<html><head><title>${page[0]} | Green Kettle</title></head><body><h1>${page[0]}</h1>${page[1]}<p>${links}</p></body></html>` : "");
    };
    if (until && request.url === "/hours") void until.then(answer);
    else answer();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

test.use({ kind: "demo" });

/** Counts the clicks on the page from now on. */
async function clicks(page: Page): Promise<() => Promise<number>> {
  let count = 0;
  await page.exposeFunction("clicked", () => {
    count += 1;
  });
  await page.addInitScript("addEventListener('click', (event) => event.isTrusted && window.clicked(), true)");
  return async () => count;
}

test("from a website to a bot of one's own, and the demo is gone", async ({ page, desk }) => {
  let release = () => {};
  const { url, server } = await website(new Promise((go) => (release = go)));
  const counted = await clicks(page);
  await page.goto(desk.url);
  const begun = Date.now();
  await page.getByRole("link", { name: "Start with my business" }).click();
  await page.getByRole("textbox", { name: "Website address" }).fill(url);
  await page.getByRole("button", { name: "Read the website" }).click();
  await expect(page.getByText(/pages? read of/)).toBeVisible();
  release();
  await expect(page.getByRole("textbox", { name: "Name of the business" })).toHaveValue("Green Kettle");
  await expect(page.getByRole("textbox", { name: "Opening hours" })).toHaveValue(/Tuesday to Friday: 9:00 to 18:00/);
  await expect(page.getByText("real person", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Create the bot" }).click();
  await expect(page.getByText("Green Kettle created")).toBeVisible();
  const samples = page.getByRole("group", { name: "For example" });
  await samples.getByRole("button", { name: "Do you deliver teapots to other countries?" }).click();
  await expect(page.getByRole("region", { name: "The bot's answer" })).toContainText("12 euros");
  const [clicked, took] = [await counted(), Date.now() - begun];
  console.log(`from Start to an answer from the website: ${clicked} clicks, ${(took / 1000).toFixed(1)} s`);
  expect(clicked).toBe(4);
  expect((await desk.api<Schemas["Agent"][]>("/agents")).map(({ slug }) => slug)).toEqual(["green-kettle"]);
  expect((await desk.api<Schemas["Status"]>("/status")).demo).toBe(false);
  await expect(page.getByText("This is a demo shop")).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Step 2: Add your documents" }).getByText("Done", { exact: true })).toBeVisible();
  // The bot knows the hours, and calls a person by the words that were found.
  const agent = await desk.api<Schemas["Agent"]>("/agents/green-kettle");
  expect(agent.source).toContain("Opening hours:\n- Monday: closed\n");
  server.close();
});

test("each step is accessible, goes on after a reload, and says what is wrong", async ({ page, desk }) => {
  const { url, server } = await website();
  await page.goto(`${desk.url}/business`);
  await accessible(page, "the address");
  const address = page.getByRole("textbox", { name: "Website address" });
  await address.fill("our shop");
  await expect(page.locator("button[type=submit]")).toBeEnabled(); // Enter does nothing before the collections are read.
  await page.keyboard.press("Enter");
  await expect(page.getByText("This is not a website address")).toBeVisible();
  await address.fill("http://127.0.0.1:1/");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Your website could not be read")).toBeVisible();
  await accessible(page, "a site that cannot be read");
  await page.getByRole("button", { name: "Take another address" }).click();
  await address.fill(url);
  await page.keyboard.press("Enter");
  const name = page.getByRole("textbox", { name: "Name of the business" });
  await expect(name).toHaveValue("Green Kettle");
  await page.reload();
  await expect(name).toHaveValue("Green Kettle");
  await accessible(page, "the review");
  // Back leads to the address, not to the review again.
  await page.goBack();
  await expect(address).toBeVisible();
  await page.goForward();
  await expect(name).toHaveValue("Green Kettle");
  await name.fill("");
  await page.getByRole("button", { name: "Create the bot" }).click();
  await expect(page.getByText("The bot needs a name.")).toBeVisible();
  expect((await desk.api<Schemas["Agent"][]>("/agents")).map(({ slug }) => slug)).toEqual(["saltmarsh"]);
  server.close();
});

test("a private address is refused in the reader's language, and no collection is left", async ({ page, desk }) => {
  await desk.configures((settings) => settings.replace("allow_private = true", "allow_private = false"));
  await page.evaluate(() => localStorage.setItem("frontdesk.language", "es"));
  const slugs = async () => (await desk.api<Schemas["Collection"][]>("/collections")).map(({ slug }) => slug);
  const before = await slugs();
  await page.goto("/business");
  await page.getByRole("textbox", { name: "Dirección de la web" }).fill("http://localhost:1/");
  await expect(page.locator("button[type=submit]")).toBeEnabled(); // Enter does nothing before the collections are read.
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("No se pueden añadir direcciones privadas.");
  expect(await slugs()).toEqual(before);
});

test("without a website, and the demo stays when it is wanted", async ({ page, desk }) => {
  const counted = await clicks(page);
  await page.goto(desk.url);
  const begun = Date.now();
  await page.getByRole("link", { name: "Start with my business" }).click();
  await page.getByRole("button", { name: "I have no website" }).click();
  await page.getByRole("textbox", { name: "Name of the business" }).fill("Green Kettle");
  await page.getByRole("checkbox", { name: "Remove the demo shop" }).uncheck();
  await page.getByRole("button", { name: "Create the bot" }).click();
  await expect(page.getByRole("combobox", { name: "Agent" })).toHaveValue("Green Kettle");
  const documents = page.getByRole("region", { name: "Step 2: Add your documents" });
  await documents.locator("input[type=file]").setInputFiles({
    name: "kites.md",
    mimeType: "text/markdown",
    buffer: Buffer.from("# Kites\n\n## Do you repair broken kites?\n\nWe repair broken kites on Fridays for 12 euros.\n"),
  });
  // A sample question is made of the new document.
  await page.getByRole("group", { name: "For example" }).getByRole("button", { name: "Do you repair broken kites?" }).click();
  await expect(page.getByRole("region", { name: "The bot's answer" })).toContainText("12 euros");
  const [clicked, took] = [await counted(), Date.now() - begun];
  console.log(`from Start to an answer from an own document: ${clicked} clicks, ${(took / 1000).toFixed(1)} s`);
  // One of them keeps the demo. Choosing the file is the browser's own dialog.
  expect(clicked).toBe(5);
  expect((await desk.api<Schemas["Status"]>("/status")).demo).toBe(true);
});

test.describe("with a model", () => {
  test.use({ kind: "shop" });

  test("the model writes the instructions of what it read", async ({ page, desk }) => {
    desk.model.answer = () => "---\nname: Green Kettle\n---\nYou answer for {{ agent }}, the shop for teapots.\n";
    const { url, server } = await website();
    await page.goto(`${desk.url}/business`);
    await page.getByRole("textbox", { name: "Website address" }).fill(url);
    await page.getByRole("button", { name: "Read the website" }).click();
    await expect(page.getByRole("textbox", { name: "Name of the business" })).toHaveValue("Green Kettle");
    await expect(page.getByRole("textbox", { name: "Instructions" })).toHaveValue(/the shop for teapots/);
    await page.getByRole("button", { name: "Create the bot" }).click();
    await expect(page.getByText("Green Kettle created")).toBeVisible();
    const agent = await desk.api<Schemas["Agent"]>("/agents/green-kettle");
    expect(agent.source).toContain("the shop for teapots");
    server.close();
  });
});
