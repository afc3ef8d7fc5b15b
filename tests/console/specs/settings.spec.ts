// Settings: its sections by keyboard, what was done and by whom, alerts that nobody has seen, and this browser's
// preferences.
import type { Page } from "@playwright/test";
import { accessible, expect, test } from "../support/test.js";

const main = (page: Page) => page.getByRole("main");
const rows = (page: Page) => page.getByTestId("activity").getByRole("listitem");
const menu = (page: Page) => page.getByRole("navigation", { name: "Pages" });

test("every section opens by keyboard alone, and by its address", async ({ page }) => {
  const section = async (name: string) => {
    await expect(main(page).getByRole("tab", { name, selected: true })).toBeVisible();
    await expect(page).toHaveURL(new RegExp(`/settings/${name.toLowerCase()}$`));
    await expect(page).toHaveTitle(`${name} · Settings · frontdesk`);
    await expect(menu(page).getByRole("link", { name: "Settings" })).toHaveAttribute("aria-current", "page");
  };
  await expect(menu(page)).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await section("Models");
  await main(page).focus();
  await page.keyboard.press("Tab");
  await expect(main(page).getByRole("tab", { name: "Models" })).toBeFocused();
  for (const name of ["Activity", "Alerts", "Preferences", "Models"]) {
    await page.keyboard.press("ArrowRight");
    await section(name);
    await expect(main(page).getByRole("tab", { name }), "the focus stays in the tabs").toBeFocused();
  }
  await page.goBack();
  await expect(page, "the tabs are one step").not.toHaveURL(/settings/);
  await page.goForward();
  await section("Models");
  for (const [key, name] of [
    ["l", "Activity"],
    ["a", "Alerts"],
    ["p", "Preferences"],
    ["m", "Models"],
  ] as const) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await section(name);
  }
  // The finder knows the preferences by what they hold.
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Go to a page").fill("notif");
  await page.keyboard.press("Enter");
  await section("Preferences");
  await page.goBack();
  await section("Models");
  await page.goto("/alerts");
  await section("Alerts");
  await page.goto("/settings");
  await section("Models");
});

test("what is done in one tab is told in another, with who did it; filters are kept in the address", async ({ page, desk }) => {
  await page.goto("/settings/activity");
  await expect(rows(page).first()).toContainText("Signed in");
  await expect(rows(page).first()).toContainText("by a sign-in link");
  await expect(main(page).getByRole("heading", { level: 2, name: "Today" })).toBeVisible();

  const other = await page.context().newPage();
  await other.goto("/knowledge");
  await other.getByRole("button", { name: "New collection" }).click();
  await other.getByRole("dialog").getByLabel("Name").fill("saltmarsh");
  await other.keyboard.press("Enter");
  await expect(other).toHaveURL(/\/knowledge\/saltmarsh/);
  const made = rows(page).filter({ hasText: "Created the collection saltmarsh" });
  await expect(made).toContainText(/by a browser \(\w{8}\)/);
  await expect(made.getByRole("link", { name: "saltmarsh" })).toHaveAttribute("href", "/knowledge/saltmarsh");
  await other.close();

  // What is gone has no link; what was refused is not said to be done. Names are text, whatever they hold.
  await desk.api("/collections/saltmarsh", { method: "DELETE" });
  const hostile = "<img src=x onerror=document.body.remove()>";
  await expect(desk.api(`/collections/${encodeURIComponent(hostile)}`, { method: "DELETE" })).rejects.toThrow("404");
  await expect(rows(page).filter({ hasText: "Deleted the collection saltmarsh" })).toContainText("by the admin key");
  await expect(made).toBeVisible();
  await expect(made.getByRole("link")).toHaveCount(0);
  const refused = rows(page).filter({ hasText: hostile });
  await expect(refused).toContainText("Refused Delete a collection");

  // The details on demand, and the filters, by keyboard.
  await refused.getByRole("button", { name: /^Details/ }).focus();
  await page.keyboard.press("Enter");
  await expect(refused.getByTestId("details")).toContainText("collection.removed");
  await expect(refused.getByTestId("details")).toContainText("127.0.0.1");
  await expect(refused.getByTestId("details")).toContainText('"status": 404');
  await accessible(page, "activity with details");
  const action = main(page).getByRole("combobox", { name: "What" });
  await action.focus();
  await page.keyboard.type("delete a coll");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(rows(page)).toHaveCount(2);
  await main(page).getByRole("combobox", { name: "How it ended" }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("option", { name: "Done" })).toHaveAttribute("data-combobox-selected", "true");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/action=collection.removed&outcome=done/);
  await expect(rows(page)).toHaveCount(1);
  await page.reload();
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText("Deleted the collection saltmarsh");
  await main(page).getByRole("combobox", { name: "Who" }).click();
  await page.getByRole("option", { name: /on .*, at the terminal|at the terminal/ }).first().click();
  await expect(main(page).getByText("Nothing matches")).toBeVisible();
  await main(page).getByRole("button", { name: "Remove all filters" }).click();
  await expect(page).toHaveURL(/\/settings\/activity$/);
  await expect(made).toBeVisible();
  // A word that no filter knows is no filter.
  await page.goto("/settings/activity?action=agent.vanished&outcome=perhaps&days=1");
  await expect(made).toBeVisible();
});

test("who took over which conversation, with the way to it", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada Lovelace");
  await page.goto("/inbox");
  await page.getByRole("navigation", { name: "Conversations" }).getByText("Ada Lovelace").click();
  await page.getByRole("button", { name: "Take over" }).click();
  await expect(page.locator("[data-activity=taken]")).toBeVisible();
  await page.goto("/settings/activity");
  const taken = rows(page).filter({ hasText: "Took over the conversation with Ada Lovelace" });
  await taken.getByRole("link", { name: "Ada Lovelace" }).click();
  await expect(page.getByRole("heading", { level: 2, name: "Ada Lovelace" })).toBeVisible();
});

test("the menu counts the alerts that nobody has seen in this browser, in every tab", async ({ page, desk }) => {
  const other = await page.context().newPage();
  await other.goto(`${desk.url}/overview`);
  await page.goto("/overview");
  const count = (one: Page) => menu(one).getByLabel("1 new alert");
  await expect(menu(page)).toBeVisible();
  const template = { message_template_name: "come_back", message_template_language: "en_US" };
  await desk.graph.reports("message_template_status_update", { event: "PAUSED", ...template });
  await expect(count(page)).toBeVisible();
  await expect(count(other)).toBeVisible();
  await menu(page).getByRole("link", { name: "Settings" }).click();
  await main(page).getByRole("tab", { name: "Alerts" }).click();
  await expect(page.getByTestId("alert")).toContainText("New");
  await expect(count(page)).toBeHidden();
  await expect(count(other)).toBeHidden();
  await page.reload();
  await expect(page.getByTestId("alert")).toContainText("A template cannot be used");
  await expect(page.getByTestId("alert")).not.toContainText("New");
  await other.close();
});

test("the preferences stand in words where the menu has icons, and both say the same", async ({ page, desk, browser }) => {
  await page.goto("/settings/preferences");
  const html = page.locator("html");
  const colours = main(page).getByRole("radiogroup", { name: "Colours" });
  await colours.getByText("Dark").click();
  await expect(html).toHaveAttribute("data-mantine-color-scheme", "dark");
  await colours.getByText("Same as device").click();
  await main(page).getByRole("switch", { name: "Sound" }).check({ force: true });
  await accessible(page, "preferences");
  // Another tab knows it, and its menu switches it off here.
  const other = await page.context().newPage();
  await other.goto(`${desk.url}/overview`);
  await other.getByRole("button", { name: "Notifications" }).click();
  const sound = other.getByRole("switch", { name: "Sound" });
  await expect(sound).toBeChecked();
  await sound.uncheck({ force: true });
  await expect(main(page).getByRole("switch", { name: "Sound" })).not.toBeChecked();
  await other.close();

  await main(page).getByRole("radiogroup", { name: "Language" }).getByText("العربية").click();
  await expect(html).toHaveAttribute("dir", "rtl");
  await main(page).getByRole("radiogroup", { name: "اللغة" }).getByText("English").click();
  await expect(html).toHaveAttribute("dir", "ltr");

  const away = await browser.newPage();
  await away.goto(desk.link());
  await expect(menu(away)).toBeVisible();
  await main(page).getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  expect((await away.request.get(`${desk.url}/api/v1/conversations`)).status()).toBe(401);
  await away.close();
});
