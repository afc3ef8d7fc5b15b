// Sessions: who can open the console, and what happens when the connection breaks.
import type { Locator, Page } from "@playwright/test";
import { accessible, expect, test } from "../support/test.js";

test.describe("without a session", () => {
  test.use({ signedIn: false });

  test("every page leads to signing in, and the API refuses", async ({ page, desk }) => {
    await page.goto(`${desk.url}/inbox`);
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await expect(page.getByText("frontdesk sign-in")).toBeVisible();
    expect((await page.request.get("/api/v1/conversations")).status()).toBe(401);
    await page.goto(`${desk.url}/sign-in#not-a-token`);
    await expect(page.getByRole("alert")).toContainText("does not work any more");
    expect((await page.request.get("/api/v1/conversations")).status()).toBe(401);
  });

  test("a link works once, and leads to where one wanted to go", async ({ page, desk, browser }) => {
    const link = desk.link();
    await page.goto(link);
    await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
    expect(page.url()).not.toContain("#");
    const cookie = (await page.context().cookies()).find(({ name }) => name.startsWith("frontdesk_"));
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    // A write with the cookie alone, as another site could make the browser send it.
    const forged = await page.request.post("/api/v1/knowledge/search", { data: { question: "hours" } });
    expect(forged.status()).toBe(403);
    const other = await browser.newPage();
    await other.goto(link);
    await expect(other.getByRole("alert")).toContainText("does not work any more");
    await other.close();
  });

  test("a link from the terminal leads to where one wanted to go, in the tab that waits, too", async ({ page, desk }) => {
    await page.goto(`${desk.url}/overview?days=7`);
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    const other = await page.context().newPage();
    await other.goto(desk.link());
    for (const one of [other, page]) {
      await expect(one.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
      await expect(one).toHaveURL(/\/overview\?days=7$/);
    }
    await other.close();
  });

  test("whose session has ended signs in with the admin key, where the desk has no terminal", async ({ page, desk }) => {
    await page.goto(`${desk.url}/inbox`);
    const key = page.getByLabel("Admin key", { exact: true });
    await key.fill("not-the-key");
    await page.keyboard.press("Enter");
    await expect(page.getByText("This is not the admin key.")).toBeVisible();
    await accessible(page, "sign in");
    await key.fill(desk.read("data/admin.key").trim());
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("navigation", { name: "Conversations" })).toBeVisible();
  });

  test("signing out ends the session", async ({ page, desk }) => {
    await page.goto(desk.link());
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("menuitem", { name: "This browser" }).click();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    expect((await page.request.get("/api/v1/conversations")).status()).toBe(401);
  });

  test("signing out everywhere ends the session of another browser, too, after a question", async ({ page, desk, browser }) => {
    await page.goto(desk.link());
    const other = await browser.newPage();
    await other.goto(desk.link());
    await expect(other.getByRole("navigation", { name: "Pages" })).toBeVisible();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("menuitem", { name: "Every browser" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    expect((await other.request.get(`${desk.url}/api/v1/conversations`)).status()).toBe(401);
    await other.close();
  });
});

test("a lost connection is shown, and heals", async ({ page, desk }) => {
  await page.goto(`${desk.url}/inbox`);
  await expect(page.locator("[data-line=open]")).toBeAttached();
  await desk.halt();
  await expect(page.getByTestId("line-lost")).toBeVisible();
  // The inbox ends where the window ends, under the banner and without it.
  const list = page.getByRole("navigation", { name: "Conversations" });
  const missing = () => list.evaluate((it) => Math.round(innerHeight - it.getBoundingClientRect().bottom));
  await expect.poll(missing).toBe(0);
  await desk.run();
  await expect(page.getByTestId("line-lost")).toBeHidden({ timeout: 20_000 });
  await expect.poll(missing).toBe(0);
  // The page shows both what it missed and what happens now.
  await desk.graph.customerSays("447700900001", "Are you back?", "Ada");
  await expect(page.getByText("Ada").first()).toBeVisible();
});

for (const how of ["offline", "with the server down"] as const)
  test(`${how}, a page that was not opened before says what is missing, and opens by itself`, async ({ page, desk }) => {
    await page.goto(`${desk.url}/inbox`);
    await expect(page.locator("[data-line=open]")).toBeAttached();
    if (how === "offline") await page.context().setOffline(true);
    else await desk.halt();
    const pages = page.getByRole("navigation", { name: "Pages" });
    await pages.getByRole("link", { name: "Overview" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "This page has not arrived yet" })).toBeVisible();
    // The rest of the console still works.
    await pages.getByRole("link", { name: "Inbox" }).click();
    await expect(page.getByRole("navigation", { name: "Conversations" })).toBeVisible();
    await pages.getByRole("link", { name: "Overview" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "This page has not arrived yet" })).toBeVisible();
    if (how === "offline") await page.context().setOffline(false);
    else await desk.run();
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible({ timeout: 30_000 });
    await expect(page.getByText("No activity in this period")).toBeVisible();
  });

test("four languages, one of them from right to left", async ({ page }) => {
  await page.getByRole("button", { name: "Language" }).click();
  await page.getByRole("menuitem", { name: "العربية" }).click();
  await expect(page.locator("html")).toHaveAttribute("dir", "rtl");
  await expect(page.getByRole("navigation", { name: "الصفحات" })).toBeVisible();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "ar");
});

test("the keyboard goes everywhere", async ({ page }) => {
  // Shortcuts work only once the page is drawn.
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("k");
  await expect(page.getByRole("heading", { level: 1, name: "Knowledge" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Go to a page").fill("Overview");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard" })).toBeVisible();
});

/** The pages of the menu, and those that a link opens first, with what each shows when it is there. */
const firstPages: Record<string, (page: Page) => Locator> = {
  "/": (page) => page.getByRole("heading", { level: 1, name: "Start" }),
  "/inbox": (page) => page.getByRole("navigation", { name: "Conversations" }).getByText("Ada"),
  "/inbox/:conversation": (page) => page.getByTestId("owner"),
  "/campaigns": (page) => page.getByText("No campaigns yet"),
  "/campaigns/new": (page) => page.getByRole("radio", { name: "A list in a file (CSV)" }),
  "/sandbox": (page) => page.getByRole("textbox", { name: "System prompt" }),
  "/knowledge": (page) => page.getByRole("main").getByRole("link", { name: "shop" }),
  "/knowledge/shop": (page) => page.getByRole("main").getByText("Opening hours"),
  "/handoffs": (page) => page.getByRole("heading", { level: 1, name: "Hand-offs" }),
  "/evals": (page) => page.getByRole("main").getByText("basics.yaml"),
  "/numbers": (page) => page.getByRole("main").getByRole("link", { name: "main" }),
  "/overview": (page) => page.getByRole("heading", { level: 1, name: "Overview" }),
  "/settings": (page) => page.getByRole("heading", { level: 1, name: "Settings" }),
  "/settings/models": (page) => page.getByRole("main").getByText("fake-model").first(),
  "/business": (page) => page.getByRole("heading", { level: 1 }),
  "/sign-in": (page) => page.getByRole("heading", { name: "Sign in" }),
};

for (const [path, shown] of Object.entries(firstPages))
  test(`the first load of ${path} brings less than 350 kB`, async ({ page, desk }) => {
    await desk.graph.customerSays("447700900001", "When do you open?", "Ada");
    await expect.poll(async () => (await desk.api<{ items: unknown[] }>("/conversations")).items).toHaveLength(1);
    const [conversation] = (await desk.api<{ items: { id: string }[] }>("/conversations")).items;
    if (path === "/sign-in") await page.context().clearCookies();
    // A browser with an empty cache.
    await page.goto("about:blank");
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.clearBrowserCache");
    // What every response takes on the wire: its compressed body and its headers.
    const sizes = { requests: 0, bytes: 0, headers: 0 };
    session.on("Network.responseReceived", ({ response, type }) => {
      const { "content-type": kind = "", "content-length": length, "content-encoding": encoding } = response.headers;
      expect(response.fromDiskCache ?? false, response.url).toBe(false);
      if (/javascript|css|html/.test(kind) && Number(length) > 1_000) expect(encoding, response.url).toMatch(/^(br|gzip)$/);
      // The live stream never ends.
      if (type !== "EventSource") sizes.headers += response.encodedDataLength;
    });
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      sizes.requests += 1;
      sizes.bytes += encodedDataLength;
    });
    await page.goto(desk.url + path.replace(":conversation", conversation?.id ?? ""), { waitUntil: "networkidle" });
    await expect(shown(page)).toBeVisible();
    const kB = (bytes: number) => `${(bytes / 1_000).toFixed(1)} kB`;
    console.log(`${path}: ${kB(sizes.bytes - sizes.headers)}, with headers ${kB(sizes.bytes)}, in ${sizes.requests} requests`);
    expect(sizes.bytes).toBeGreaterThan(50_000);
    expect(sizes.bytes).toBeLessThan(350_000);
  });
