// Knowledge: a document is dropped, learned and found; gaps are answered; refused files show the reason.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Locator, Page } from "@playwright/test";
import { listen } from "../support/graph.js";
import { accessible, expect, type Schemas, test } from "../support/test.js";

/** Drops a file on the page, as with the mouse. */
async function dropFile(page: Page, name: string, text: string) {
  const files = await page.evaluateHandle(
    ([name, text]) => {
      const carried = new DataTransfer();
      carried.items.add(new File([text ?? ""], name ?? "", { type: "text/markdown" }));
      return carried;
    },
    [name, text],
  );
  await page.dispatchEvent("body", "dragenter", { dataTransfer: files });
  const area = page.getByText("Drop the files to add them");
  await area.dispatchEvent("drop", { dataTransfer: files });
}

/** Downloads the original of an open document. */
async function original(page: Page, drawer: Locator): Promise<{ name: string; text: string }> {
  const link = drawer.getByRole("link", { name: "Download the original" });
  await expect(link).toBeVisible();
  const download = page.waitForEvent("download");
  await link.click();
  const file = await download;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
}

test("a collection is made, a document dropped, learned, found, shown and deleted", async ({ page }) => {
  await page.goto("/knowledge");
  await page.getByRole("button", { name: "New collection" }).click();
  await page.getByLabel("Name").fill("Tours and more!");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByText("Use lower-case letters")).toBeVisible();
  await page.getByLabel("Name").fill("tours");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByText("Nothing in here yet")).toBeVisible();

  await dropFile(page, "kayaks.md", "# Kayak tours\n\nA kayak tour takes three hours and begins at the old pier.\n");
  const row = page.getByTestId("document");
  await expect(row).toContainText("kayaks.md");
  await expect(row).not.toContainText("Learning");

  await page.goto("/knowledge?tab=search");
  await page.getByLabel("Question").fill("Where does the kayak tour begin?");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  const passage = page.getByTestId("passage").first();
  await expect(passage).toContainText("the old pier");
  await expect(passage.locator("mark").first()).toBeVisible();
  await accessible(page, "search test");
  await passage.getByRole("button", { name: "Show the document" }).click();

  const drawer = page.getByRole("dialog", { name: "Document" });
  await expect(drawer.getByTestId("chunk").first()).toContainText("three hours");
  await drawer.getByRole("button", { name: "Delete" }).click();
  const sure = page.getByRole("dialog", { name: /Delete/ });
  await expect(sure.getByRole("button", { name: "Delete" })).toBeFocused();
  // Escape closes the confirmation and leaves the document open.
  await page.keyboard.press("Escape");
  await expect(sure).toBeHidden();
  await expect(drawer).toBeVisible();
  await drawer.getByRole("button", { name: "Delete" }).click();
  await sure.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Nothing in here yet")).toBeVisible();
});

test("a collection is renamed for people and keeps its name", async ({ page, desk }) => {
  await page.goto("/knowledge/shop");
  await page.getByRole("button", { name: "Actions for shop" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const dialog = page.getByRole("dialog", { name: "Rename shop" });
  await expect(dialog.getByRole("button", { name: "Rename" })).toBeDisabled();
  await dialog.getByLabel("Title").fill("Hours & orders");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Hours & orders", level: 1 })).toBeVisible();
  expect((await desk.api<Schemas["Collection"][]>("/collections"))[0]).toMatchObject({ slug: "shop", title: "Hours & orders" });
  await page.goto("/knowledge");
  await expect(page.getByTestId("collection")).toContainText("Hours & orders");
  await page.goto("/sandbox");
  await page.getByRole("main").getByText("Settings", { exact: true }).click();
  await expect(page.getByRole("main").getByText("Hours & orders")).toBeVisible();
});

test("what cannot be learned says why and what to do; a pasted text is learned", async ({ page }) => {
  await page.goto("/knowledge/shop");
  await page.locator("input[type=file]").first().setInputFiles([
    { name: "empty.md", mimeType: "text/markdown", buffer: Buffer.from("  \n") },
    { name: "hours.md", mimeType: "text/markdown", buffer: Buffer.from("# Hours\n\nNever.\n") },
  ]);
  const failed = page.getByTestId("document").filter({ hasText: "empty.md" });
  await expect(failed).toContainText("Failed");
  await expect(failed).toContainText("What to do");
  // The folder has a file of this name.
  await expect(page.getByTestId("upload").filter({ hasText: "hours.md" }).getByRole("alert")).toBeVisible();
  await accessible(page, "a collection");

  await page.getByRole("button", { name: "Paste text" }).click();
  await page.getByLabel("Title").fill("Parking");
  await page.getByRole("textbox", { name: "Text", exact: true }).fill("Park behind the boat house.");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const pasted = page.getByTestId("document").filter({ hasText: "Parking" });
  await expect(pasted).toContainText("Upload");
  await expect(pasted).not.toContainText("Learning");
  // A document of the folder cannot be deleted here.
  await page.getByRole("link", { name: /Orders/ }).click();
  await expect(page.getByRole("dialog").getByText("comes from the collection's folder")).toBeVisible();
});

test("the original of a document is downloaded, where one is kept", async ({ page, desk }) => {
  await page.goto("/knowledge/shop");
  const drawer = page.getByRole("dialog", { name: "Document" });
  await page.getByRole("link", { name: "Orders" }).click();
  await expect(drawer).toContainText("comes from the collection's folder");
  await accessible(page, "a document of the folder");
  expect(await original(page, drawer)).toEqual({ name: "orders.md", text: desk.read("knowledge/shop/orders.md") });
  await page.keyboard.press("Escape");
  // One that could not be learned is kept, too.
  const uploaded = { "Prices 2026.md": "# Prices\n\nA lamp costs 20 €.\n", "blank.md": "  \n" };
  await page.locator("input[type=file]").first().setInputFiles(
    Object.entries(uploaded).map(([name, text]) => ({ name, mimeType: "text/markdown", buffer: Buffer.from(text) })),
  );
  for (const [name, text] of Object.entries(uploaded)) {
    await page.getByTestId("document").filter({ hasText: name }).getByRole("link").click();
    await expect(drawer).toContainText(name);
    expect(await original(page, drawer)).toEqual({ name, text });
    await page.keyboard.press("Escape");
    await expect(drawer).toBeHidden();
  }
});

test("a page of a website is opened instead", async ({ page, desk, context }) => {
  const site = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<title>Parking</title><h1>Parking</h1><p>Park behind the boat house, which is free for customers.</p>");
  });
  const url = `${await listen(site)}/`;
  await desk.api("/collections/shop/sources", { method: "POST", body: JSON.stringify({ url }) });
  await page.goto("/knowledge/shop");
  await page.getByRole("link", { name: "Parking" }).click();
  const drawer = page.getByRole("dialog", { name: "Document" });
  const link = drawer.getByRole("link", { name: "Open the page" });
  await expect(link).toHaveAttribute("rel", "noreferrer");
  await expect(drawer.getByText("Download the original")).toHaveCount(0);
  await accessible(page, "a page of a website");
  const opened = context.waitForEvent("page");
  await link.click();
  await expect((await opened).getByRole("heading", { name: "Parking" })).toBeVisible();
  expect((await opened).url()).toBe(url);
  site.closeAllConnections();
  site.close();
});

test("documents are searched by what stands in their text", async ({ page }) => {
  await page.goto("/knowledge/shop");
  const documents = page.getByTestId("document");
  await expect(documents).toHaveCount(2);
  const search = page.getByRole("textbox", { name: "Search documents and their text" });
  await search.fill("working DAYS");
  await expect(documents).toHaveCount(1);
  await expect(documents).toContainText("Orders");
  await search.fill("kayaks");
  await expect(page.getByText("No document matches")).toBeVisible();
  await search.clear();
  await expect(documents).toHaveCount(2);
});

test("curated answers are written, changed and deleted", async ({ page, desk }) => {
  await page.goto("/knowledge/shop?tab=answers");
  await page.getByRole("button", { name: "Add an answer" }).click();
  await page.getByLabel("Question").fill("Do you take dogs?");
  await page.getByRole("button", { name: "Another wording" }).click();
  await page.getByLabel("Question").last().fill("Are pets allowed?");
  await page.getByRole("textbox", { name: "Answer", exact: true }).fill("Dogs are welcome.");
  await page.getByRole("button", { name: "Save" }).click();
  const answer = page.getByTestId("answer");
  await expect(answer).toContainText("and 1 other wording");
  await answer.getByRole("button", { name: /Edit/ }).click();
  await page.getByRole("textbox", { name: "Answer", exact: true }).fill("Small dogs are welcome.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(answer).toContainText("Small dogs");
  const kept = await desk.api<Schemas["Page_CuratedAnswer"]>("/collections/shop/answers");
  expect(kept.items[0]?.phrasings).toEqual(["Do you take dogs?", "Are pets allowed?"]);
  await answer.getByRole("button", { name: /Delete/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No curated answers yet")).toBeVisible();
});

test("a question that was not answered is a gap, and is answered", async ({ page, desk }) => {
  await page.goto("/knowledge?tab=gaps");
  await expect(page.getByText("No open gaps")).toBeVisible();
  // The model invents a fact. With `check: refuse` the agent sends its no-answer sentence instead.
  const source = desk.read("prompts/shop.md").replace("\nhandoff:", "\ngrounding: { check: refuse }\nhandoff:");
  await desk.api("/agents/shop/publish", { method: "POST", body: JSON.stringify({ source }) });
  desk.model.answer = () => "Yes, we repair vintage typewriters for forty euros.";
  await desk.graph.customerSays("447700900002", "Do you repair vintage typewriters?", "Ada");
  await expect.poll(() => desk.graph.sent.map(({ text }) => text)).toEqual(["I cannot find that in our information."]);
  await expect.poll(async () => (await desk.api<Schemas["Page_KnowledgeGap"]>("/gaps")).items.length).toBe(1);
  await page.reload();
  await expect(page.getByTestId("gap")).toHaveCount(1);
  await page.getByTestId("gap").getByRole("button").click();
  await accessible(page, "a gap");
  await page.getByRole("textbox", { name: "Answer", exact: true }).fill("No, but the shop next door does.");
  await page.getByRole("button", { name: "Save the answer" }).click();
  await expect(page.getByText("No open gaps")).toBeVisible();
  await page.goto("/knowledge/shop?tab=answers");
  await expect(page.getByTestId("answer")).toContainText("next door");
});

test.describe("the demo", () => {
  test.use({ kind: "demo" });

  test("its documents are told apart from one's own", async ({ page }) => {
    await page.goto("/knowledge/saltmarsh");
    const rows = page.getByTestId("document");
    // The first of the two is for narrow screens.
    await expect(rows.first().getByText("Demo", { exact: true }).last()).toBeVisible();
    await page.locator("input[type=file]").first().setInputFiles({
      name: "boat-house.md",
      mimeType: "text/markdown",
      buffer: Buffer.from("# Parking\n\nPark behind the boat house.\n"),
    });
    const own = rows.filter({ hasText: "boat-house.md" });
    await expect(own.getByText("Upload", { exact: true }).last()).toBeVisible();
    const from = page.getByPlaceholder("From anywhere");
    await from.click();
    await page.getByRole("option", { name: "Demo", exact: true }).click();
    await expect(own).toHaveCount(0);
    await expect(rows.first().getByText("Demo", { exact: true }).last()).toBeVisible();
    await accessible(page, "the demo's documents");
    await from.click();
    await page.getByRole("option", { name: "Upload", exact: true }).click();
    await expect(rows).toHaveCount(1);
    await expect(own).toBeVisible();
  });

  test("the original of one of its documents is downloaded", async ({ page }) => {
    await page.goto("/knowledge/saltmarsh");
    await page.getByRole("textbox", { name: "Search documents and their text" }).fill("lost-property.txt");
    const row = page.getByTestId("document").filter({ hasText: "lost-property.txt" });
    await row.getByRole("link").click();
    const text = readFileSync(new URL("../../../knowledge/saltmarsh/lost-property.txt", import.meta.url), "utf8");
    expect(await original(page, page.getByRole("dialog", { name: "Document" }))).toEqual({ name: "lost-property.txt", text });
  });

  test("an answer that a file defines is shown where it was given, and changed in the file", async ({ page }) => {
    await page.goto("/sandbox?ask=Are%20you%20a%20bot%3F");
    await page.getByRole("button", { name: /^Why this answer/ }).click();
    const why = page.getByRole("region", { name: "Why this answer" });
    await expect(why.getByTestId("account")).toHaveText(/^This is a curated answer, written in advance\./);
    await expect(why.getByTestId("source")).toContainText("Are you a bot?");
    await expect(why).toContainText("From answers.yaml. Change it in that file.");
    await expect(why.getByRole("button", { name: "Correct this answer" })).toHaveCount(0);
    await why.getByRole("link", { name: "Open answer" }).click();
    const answer = page.getByRole("dialog", { name: "Curated answer" });
    await expect(answer).toContainText("Yes, I am the shop's assistant");
    await accessible(page, "an answer of a file");
    await answer.getByRole("button", { name: "Close" }).click();
    await expect(page).toHaveURL(/tab=answers$/);
  });

  test("its documents, its agent and its collection can be deleted", async ({ page, desk }) => {
    await page.goto("/knowledge/saltmarsh");
    const row = page.getByTestId("document").first();
    await row.getByRole("button", { name: /^Actions for/ }).click();
    await expect(page.getByRole("menuitem", { name: "Learn again" })).toBeHidden();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog", { name: /^Delete/ }).getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText(/is deleted$/)).toBeVisible();

    await page.goto("/sandbox");
    await page.getByRole("button", { name: "More for this agent" }).click();
    await page.getByRole("menuitem", { name: "Delete the agent" }).click();
    await page.getByRole("dialog", { name: "Delete Saltmarsh Cycles support (saltmarsh)?" }).getByRole("button", { name: "Delete the agent" }).click();
    await expect(page.getByText("No agent yet")).toBeVisible();

    await page.goto("/knowledge");
    await page.getByRole("button", { name: "Actions for saltmarsh" }).click();
    await page.getByRole("menuitem", { name: "Delete the collection" }).click();
    await page.getByRole("dialog", { name: "Delete saltmarsh?" }).getByRole("button", { name: "Delete the collection" }).click();
    await expect(page.getByText("No documents yet")).toBeVisible();
    expect((await desk.api<Schemas["Status"]>("/status")).demo).toBe(false);
  });
});

test("what the embedding model has not read yet is shown, with how far it is", async ({ page }) => {
  let done = 40;
  await page.route("**/api/v1/status", async (route) => {
    const answer = await route.fetch();
    const embedding = done < 393 ? [{ collection: "shop", done, total: 393 }] : [];
    await route.fulfill({ response: answer, json: { ...(await answer.json()), embedding } });
  });
  await page.goto("/knowledge");
  await expect(page.getByText("shop: 40 of 393 passages")).toBeVisible();
  await accessible(page, "embedding under way");
  done = 393;
  await expect(page.getByText("Search by meaning is being prepared")).toBeHidden();
});
