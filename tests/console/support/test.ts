// Fixtures for every spec: its own desk, a signed-in page, and a check for browser errors.
import { AxeBuilder } from "@axe-core/playwright";
import { test as base, expect, type Page } from "@playwright/test";
import { Desk, type Kind } from "./desk.js";

type Options = {
  /** Which kind of desk: `test.use({ kind: "demo" })`. */
  kind: Kind;
  /** Whether the page starts signed in. */
  signedIn: boolean;
};

type Parts = {
  desk: Desk;
  /** Errors of the page: CSP violations, exceptions, failed scripts. Checked at the end of the test. */
  troubles: string[];
};

export const test = base.extend<Options & Parts>({
  kind: ["shop", { option: true }],
  signedIn: [true, { option: true }],
  desk: async ({ kind }, use, info) => {
    const desk = new Desk(kind);
    await desk.start();
    await use(desk);
    if (info.status !== info.expectedStatus) await info.attach("desk.log", { body: desk.log, contentType: "text/plain" });
    await desk.stop();
  },
  baseURL: async ({ desk }, use) => use(desk.url),
  troubles: async ({}, use) => {
    const troubles: string[] = [];
    await use(troubles);
    expect(troubles, "errors in the browser's console").toEqual([]);
  },
  page: async ({ page, desk, signedIn, troubles }, use) => {
    page.on("pageerror", (error) => troubles.push(String(error.stack ?? error)));
    page.on("console", (message) => {
      // The browser logs every response of 400 and above, but the page handles those.
      if (message.type() === "error" && !/Failed to load resource|net::ERR_/.test(message.text())) troubles.push(message.text());
    });
    if (signedIn) {
      await page.goto(desk.link());
      await expect(page.getByRole("navigation")).toBeAttached();
    }
    await use(page);
    // A request that a route of the test still answers is let go.
    await page.unrouteAll({ behavior: "ignoreErrors" });
  },
});

export type { Desk, Schemas } from "./desk.js";
export { expect };

/** Checks that axe finds no violation, in light and in dark. */
export async function accessible(page: Page, what: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // The page changes its scheme after the event, and some colours fade.
    await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor();
    await page.evaluate(() => {
      const ending = document.getAnimations().filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime));
      return Promise.allSettled(ending.map((one) => one.finished));
    });
    const found = await new AxeBuilder({ page }).analyze();
    const said = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("\n  ")}`);
    expect(said, `axe on ${what}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
}
