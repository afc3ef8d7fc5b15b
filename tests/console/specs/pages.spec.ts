// Every page with content: no axe violations in light and dark, no horizontal scrolling on a phone, no missing text.
// SHOTS=FOLDER saves a screenshot of each, at 1440 and 390 pixels, light and dark, and in Arabic.
import { accessible, type Desk, expect, type Schemas, test } from "../support/test.js";
import type { Page } from "@playwright/test";

/** Fills a desk with some activity. */
async function lived(desk: Desk) {
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada Lovelace");
  await desk.graph.customerSays("447700900002", "I want to speak to a human, my order never came", "Grace Hopper");
  await desk.graph.customerSays("447700900003", "¿Abren los domingos?", "Julia Robinson");
  await desk.graph.customerSays("447700900004", "متى تفتحون؟", "مريم ميرزاخاني");
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThanOrEqual(4);
  const [first] = desk.graph.sent;
  if (first) await desk.graph.tells(first, "read");
  await desk.api("/evals/runs", { method: "POST", body: JSON.stringify({ suite: "basics.yaml" }) });
  await expect.poll(async () => (await runs(desk))[0]?.state).toBe("done");
}

async function runs(desk: Desk) {
  const page = await desk.api<Schemas["Page_Run"]>("/evals/runs");
  return page.items;
}

async function addresses(desk: Desk): Promise<Record<string, string>> {
  const conversations = await desk.api<Schemas["Page_Conversation"]>("/conversations");
  const ada = conversations.items.find(({ contact_name }) => contact_name === "Ada Lovelace");
  const grace = conversations.items.find(({ contact_name }) => contact_name === "Grace Hopper");
  return {
    start: "/",
    inbox: "/inbox",
    thread: `/inbox/${ada?.id}`,
    waiting: `/inbox/${grace?.id}`,
    sandbox: "/sandbox",
    answered: "/sandbox?ask=When%20do%20you%20open%3F",
    knowledge: "/knowledge",
    search: "/knowledge?tab=search&q=opening",
    gaps: "/knowledge?tab=gaps",
    collection: "/knowledge/shop",
    numbers: "/numbers",
    add: "/numbers/add",
    meta: "/numbers/add?provider=meta",
    handoffs: "/handoffs",
    evals: "/evals",
    suite: "/evals/suites/basics.yaml",
    run: `/evals/${(await runs(desk))[0]?.id}`,
    overview: "/overview",
    models: "/settings/models",
    activity: "/settings/activity",
    alerts: "/settings/alerts",
    preferences: "/settings/preferences",
  };
}

/** Waits until nothing is loading. */
async function settled(page: Page) {
  await page.waitForLoadState("load");
  await expect(page.locator("[aria-busy='true']")).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
}

const sizes = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

async function shoot(page: Page, name: string) {
  if (!process.env.SHOTS) return;
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.waitForTimeout(150);
      await page.screenshot({ path: `${process.env.SHOTS}/${name}-${size.width}-${colorScheme}.png` });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(sizes[0] ?? { width: 1440, height: 900 });
}

test("every page is accessible, and fits a phone", async ({ page, desk }) => {
  test.setTimeout(300_000);
  await lived(desk);
  for (const [name, address] of Object.entries(await addresses(desk))) {
    await test.step(name, async () => {
      await page.goto(address);
      await settled(page);
      await shoot(page, name);
      await accessible(page, name);
      await page.setViewportSize({ width: 360, height: 780 });
      await settled(page);
      // Elements sized by scripts get their width shortly after the page.
      const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await expect.poll(wide, `${name} is wider than 360 pixels by`).toBeLessThanOrEqual(0);
      await page.setViewportSize({ width: 1440, height: 900 });
    });
  }
});

test.describe("an empty desk", () => {
  test.use({ kind: "bare" });
  test("says on every page how to begin", async ({ page }) => {
    test.setTimeout(120_000);
    for (const [name, address] of Object.entries({
      start: "/",
      inbox: "/inbox",
      knowledge: "/knowledge",
      gaps: "/knowledge?tab=gaps",
      numbers: "/numbers",
      handoffs: "/handoffs",
      evals: "/evals",
      alerts: "/settings/alerts",
      overview: "/overview",
    })) {
      await test.step(name, async () => {
        await page.goto(address);
        await settled(page);
        await shoot(page, `empty-${name}`);
        await accessible(page, `empty ${name}`);
      });
    }
  });
});

for (const language of ["es", "pt", "ar"]) {
  test(`every page is there in ${language}`, async ({ page, desk }) => {
    test.setTimeout(180_000);
    await lived(desk);
    await page.evaluate((language) => localStorage.setItem("frontdesk.language", language), language);
    for (const [name, address] of Object.entries(await addresses(desk))) {
      await test.step(name, async () => {
        await page.goto(address);
        await settled(page);
        // A missing text shows its key.
        const words = await page.locator("#root").innerText();
        expect(words.match(/\b[a-z]+\.[a-z]+[A-Z][A-Za-z]*\b/g) ?? [], name).toEqual([]);
        await shoot(page, `${language}-${name}`);
      });
    }
  });
}
