// A number of an Evolution server is linked to its phone, restarted and logged out.
import type { Page } from "@playwright/test";
import { Evolution } from "../support/evolution.js";
import { accessible, expect, test as base } from "../support/test.js";

const test = base.extend<{ evolution: Evolution }>({
  evolution: async ({}, use) => {
    const evolution = new Evolution();
    await evolution.start();
    await use(evolution);
    evolution.stop();
  },
});

test.use({ kind: "bare" });

const dialog = (page: Page) => page.getByRole("dialog");
const link = (page: Page) => page.getByRole("region", { name: "Link to WhatsApp" });

test.describe("of the configuration file", () => {
  test.beforeEach(async ({ page, desk, evolution }) => {
    await desk.configures((settings) => settings + evolution.number("shop"));
    await page.goto("/numbers");
    await page.getByRole("link", { name: "linked", exact: true }).click();
  });

  test("a QR code is scanned after another one took its place, and the number is logged out", async ({ page, evolution }) => {
    await link(page).getByRole("button", { name: "Connect" }).click();
    const picture = dialog(page).getByRole("img", { name: "QR code" });
    await expect(picture).toBeVisible();
    const first = await picture.getAttribute("src");
    expect(first).toMatch(/^data:image\/svg\+xml/);
    expect(await picture.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth))).toBeGreaterThan(200);
    await expect(dialog(page)).toContainText("Linked devices");
    await accessible(page, "a QR code");
    evolution.expire();
    await expect(picture).not.toHaveAttribute("src", first ?? "");
    await evolution.scanned();
    await expect(dialog(page)).toBeHidden();
    await expect(page.getByRole("alert").filter({ hasText: "linked is linked to WhatsApp" })).toBeVisible();
    await expect(link(page)).toContainText("linked to the server");
    await expect(link(page).getByRole("button", { name: "Connect again" })).toBeFocused();
    await accessible(page, "a number that is linked");
    // Nobody asks any more.
    const asked = evolution.requests.filter((request) => request.includes("/connect/")).length;

    await link(page).getByRole("button", { name: "Log out" }).click();
    await dialog(page).getByRole("button", { name: "Cancel" }).click();
    expect(evolution.state).toBe("open");
    await link(page).getByRole("button", { name: "Log out" }).click();
    await dialog(page).getByRole("button", { name: "Log out" }).click();
    await expect(link(page)).toContainText("It was logged out");
    await expect(link(page)).toContainText("Customers get no answer on this number");
    await expect(link(page).getByRole("button", { name: "Log out" })).toBeHidden();
    expect(evolution.state).toBe("close");
    expect(evolution.requests.filter((request) => request.includes("/connect/"))).toHaveLength(asked);
    // The page says it once, and the list says it, too.
    await expect(page.getByTestId("warnings")).toHaveCount(0);
    await accessible(page, "a number that is logged out");
    await page.goto("/numbers");
    const row = page.getByTestId("number").filter({ has: page.getByRole("link", { name: "linked" }) });
    await expect(row).toContainText("Not linked");
    await expect(row.locator("[data-level]")).toHaveCount(1);
    await expect(row.locator("[data-level]")).toContainText("It was logged out");
  });

  test("a phone that cannot scan takes a code, and the instance is deleted at the end", async ({ page, evolution }) => {
    await link(page).getByRole("button", { name: "Connect" }).click();
    const phone = dialog(page).getByLabel("Phone number of this WhatsApp");
    const ask = dialog(page).getByRole("button", { name: "Get a code" });
    await phone.fill("12");
    await ask.click();
    await expect(dialog(page)).toContainText("7 to 15 digits");
    await phone.fill("+44 7700 900123");
    await ask.click();
    await expect(dialog(page).getByTestId("code")).toHaveText("WZYE-H1YY");
    await expect(dialog(page)).not.toContainText("7 to 15 digits");
    await expect(dialog(page)).toContainText("Link with phone number instead");
    await expect(dialog(page).getByRole("button", { name: "Copy" })).toBeVisible();
    expect(evolution.phone).toBe("447700900123");
    await accessible(page, "a pairing code");
    await evolution.scanned();
    await expect(dialog(page)).toBeHidden();

    await link(page).getByRole("button", { name: "Restart" }).click();
    await expect(link(page)).toContainText("Connecting");
    expect(evolution.state).toBe("connecting");
    await link(page).getByRole("button", { name: "Log out" }).click();
    await dialog(page).getByLabel("Also delete the instance").check();
    await dialog(page).getByRole("button", { name: "Log out" }).click();
    await expect(link(page)).toContainText("no instance of this name");
    expect(evolution.state).toBeUndefined();
  });

  test("a server that refuses the key says so, and one that ends the pairing lets it begin again", async ({ page, evolution }) => {
    evolution.key = "another-key";
    await link(page).getByRole("button", { name: "Connect" }).click();
    await expect(dialog(page)).toContainText("The server refused it: Unauthorized");
    await accessible(page, "a key that is refused");
    evolution.key = Evolution.key;
    await dialog(page).getByRole("button", { name: "Try again" }).click();
    await expect(dialog(page).getByRole("img", { name: "QR code" })).toBeVisible();
    evolution.end(408);
    await expect(dialog(page).getByRole("alert")).toContainText("The number is not linked");
    await accessible(page, "a pairing that ended");
    await dialog(page).getByRole("button", { name: "Begin again" }).click();
    await expect(dialog(page).getByRole("img", { name: "QR code" })).toBeVisible();
    // Closed, it asks no more.
    await page.keyboard.press("Escape");
    await expect(dialog(page)).toBeHidden();
  });
});

test("the set-up ends with a number that is linked and called", async ({ page, desk, evolution }) => {
  evolution.state = "close";
  await page.goto("/numbers/add?provider=evolution");
  const main = page.getByRole("main");
  await expect(main).toContainText("Step 1 of 5");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByTestId("field-server_url").fill(evolution.url);
  await page.getByTestId("field-instance").fill(Evolution.instance);
  await page.getByTestId("field-api_key").fill(Evolution.key);
  await page.getByLabel("Internal name").fill("phone");
  await accessible(page, "the form of a linked number");
  await page.getByRole("button", { name: "Save and continue" }).click();
  await expect(main).toContainText("Step 3 of 5");
  await expect(main.getByRole("heading", { name: "Connect" })).toBeVisible();
  await page.getByRole("button", { name: "Continue without it" }).click();
  await expect(page.getByTestId("uncalled")).toContainText("not linked to its phone");
  // There is no sample template to send.
  await expect(main.getByLabel("Text", { exact: true })).toBeVisible();
  await expect(main.getByRole("radio")).toHaveCount(0);
  await page.getByRole("button", { name: "Continue without it" }).click();
  const finish = page.getByTestId("finish");
  await expect(page.locator('[data-check="linked"]')).toHaveAttribute("data-done", "false");
  await accessible(page, "the end of the set-up of a number that is not linked");
  await finish.getByRole("button", { name: "Connect" }).click();
  await expect(dialog(page).getByRole("img", { name: "QR code" })).toBeVisible();
  await evolution.scanned();
  await expect(dialog(page)).toBeHidden();
  await expect(page.locator('[data-check="linked"]')).toHaveAttribute("data-done", "true");
  await expect(finish.getByRole("button", { name: "Connect" })).toHaveCount(0);
  await expect(page.locator('[data-check="sent"]')).toHaveAttribute("data-done", "false");
  await expect(page.locator('[data-check="called"]')).toHaveAttribute("data-done", "true");
  const [number] = await desk.api<{ id: string; connection: { state: string } }[]>("/numbers");
  expect(number?.connection.state).toBe("ready");
});
