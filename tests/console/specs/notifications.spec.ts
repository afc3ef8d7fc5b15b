// What tells somebody who looks away that a customer waits: the window's title, the browser's notifications and a
// sound. The browser's own parts are replaced by ones that say what they were asked for.
import type { Page } from "@playwright/test";
import { accessible, expect, test } from "../support/test.js";

const ada = "447700900001";

type Told = { title: string; body?: string; click: () => void };
declare global {
  interface Window {
    told: Told[];
    tones: number;
  }
}

/** Records notifications and tones. `focused`: whether somebody looks at the page. */
async function listen(page: Page, permission: NotificationPermission, focused: boolean) {
  await page.addInitScript(
    ({ permission, focused }) => {
      window.told = [];
      window.tones = 0;
      class Recorded {
        static permission = permission === "denied" ? "denied" : "default";
        static async requestPermission() {
          Recorded.permission = permission;
          return permission;
        }
        onclick?: () => void;
        constructor(title: string, options?: NotificationOptions) {
          window.told.push({ title, body: options?.body, click: () => this.onclick?.() });
        }
        close() {}
      }
      Object.defineProperty(window, "Notification", { value: Recorded });
      const start = OscillatorNode.prototype.start;
      OscillatorNode.prototype.start = function (...at) {
        window.tones += 1;
        start.apply(this, at);
      };
      document.hasFocus = () => focused;
    },
    { permission, focused },
  );
  await page.reload();
}

const bell = (page: Page) => page.getByRole("button", { name: "Notifications" });
const told = (page: Page) => page.evaluate(() => window.told.map(({ title, body }) => ({ title, body })));

test("who looks away is told by title, notification and sound, and is led to the customer", async ({ page, desk }) => {
  await page.goto("/overview");
  await listen(page, "granted", false);
  await expect(page).toHaveTitle(/^Overview/);
  await bell(page).click();
  const browser = page.getByRole("switch", { name: "Browser notifications" });
  await browser.click({ force: true });
  await expect(browser).toBeChecked();
  await page.getByRole("switch", { name: "Sound" }).check({ force: true });
  await expect.poll(() => page.evaluate(() => window.tones), "a sample").toBe(2);
  await accessible(page, "notifications");
  await page.keyboard.press("Escape");

  await desk.graph.customerSays(ada, "I want to speak to a *human*", "Ada Lovelace");
  await expect(page).toHaveTitle(/^\(1\) Overview/);
  await expect.poll(() => told(page)).toEqual([{ title: "Ada Lovelace", body: "I want to speak to a human" }]);
  expect(await page.evaluate(() => window.tones)).toBe(4);
  // The next message of the same customer is news, too.
  await desk.graph.customerSays(ada, "Hello?", "Ada Lovelace");
  await expect.poll(() => told(page)).toHaveLength(2);

  await page.evaluate(() => window.told[0]?.click());
  await expect(page.getByRole("heading", { level: 2, name: "Ada Lovelace" })).toBeVisible();
  // What waited before the page was opened is no news.
  await page.reload();
  await expect(page).toHaveTitle(/^\(1\) Ada Lovelace/);
  await desk.graph.customerSays("447700900002", "When do you open?", "Grace Hopper");
  await expect(page.locator("nav [data-id]").filter({ hasText: "Grace" })).toBeVisible();
  expect(await told(page)).toEqual([]);
});

test("a browser that blocks notifications says where to allow them; the title counts all the same", async ({ page, desk }) => {
  await page.goto("/overview");
  await listen(page, "denied", false);
  await bell(page).click();
  await expect(page.getByRole("switch", { name: "Browser notifications" })).toBeDisabled();
  await expect(page.getByText("The browser blocks notifications")).toBeVisible();
  await page.keyboard.press("Escape");
  await desk.graph.customerSays(ada, "I want to speak to a human", "Ada Lovelace");
  await expect(page).toHaveTitle(/^\(1\) Overview/);
  expect(await told(page)).toEqual([]);
  // The page of preferences says the same.
  await page.goto("/settings/preferences");
  await expect(page.getByRole("main").getByRole("switch", { name: "Browser notifications" })).toBeDisabled();
  await expect(page.getByRole("main").getByText("The browser blocks notifications")).toBeVisible();
  await accessible(page, "blocked notifications");
});

test("who asks and is refused has nothing switched on", async ({ page }) => {
  await page.goto("/overview");
  await listen(page, "default", true);
  await bell(page).click();
  const browser = page.getByRole("switch", { name: "Browser notifications" });
  await browser.click({ force: true });
  await expect(browser).not.toBeChecked();
});
