// The tasks of every day by the keyboard alone: no test here clicks, fills or focuses anything itself.
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "../support/test.js";

const button = (at: Page | Locator, name: string) => at.getByRole("button", { name, exact: true });
const main = (page: Page) => page.getByRole("main");

/** Presses Tab until `target` has the focus. */
async function tabTo(page: Page, target: Locator, key: "Tab" | "Shift+Tab" = "Tab") {
  await expect(target).toBeVisible();
  for (let pressed = 0; pressed < 60; pressed++) {
    if (await target.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  await expect(target, `${key} reaches it`).toBeFocused();
}

/** Goes to `target` and presses it. */
async function press(page: Page, target: Locator) {
  await tabTo(page, target);
  await page.keyboard.press("Enter");
}

/** Whoever has only a keyboard would begin again at the top of the page. */
async function keepsFocus(page: Page, what: string) {
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName), what).not.toBe("BODY");
}

/** Passes the menu, as everybody does. */
async function skip(page: Page) {
  await press(page, page.getByRole("link", { name: "Skip to the page" }));
  await expect(main(page)).toBeFocused();
}

test("whoever needs a reply is found, taken over, answered and resolved", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900002", "When do you open?", "Grace Hopper");
  await desk.graph.customerSays("447700900001", "I want to speak to a human", "Ada Lovelace");
  await expect.poll(() => desk.graph.sent.length).toBe(2);
  await page.goto("/inbox");
  await skip(page);
  await press(page, main(page).getByRole("group", { name: "Which conversations" }).getByRole("button", { name: "Needs a reply" }));
  await expect(main(page).locator("[data-id]")).toHaveCount(1);
  await press(page, main(page).locator("[data-id]").filter({ hasText: "Ada Lovelace" }));
  await expect(page.getByRole("heading", { level: 2, name: "Ada Lovelace" })).toBeVisible();
  // A case that waits is nobody else's: who writes has it.
  const field = page.getByRole("textbox", { name: /^Message to/ });
  await tabTo(page, field);
  await page.keyboard.type("Ada, how can I help?");
  await page.keyboard.press("Enter");
  await expect.poll(() => desk.graph.sent.at(-1)?.text).toBe("Ada, how can I help?");
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  await expect(field).toBeFocused();
  await tabTo(page, button(main(page), "Resolve"), "Shift+Tab");
  await page.keyboard.press("Space");
  await expect(page.getByTestId("owner")).toHaveText("The bot answers");
  const take = button(main(page), "Take over");
  await expect(take).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  await expect(button(main(page), "Hand back")).toBeFocused();
  await tabTo(page, field);
  await page.keyboard.type("It is me again.");
  await page.keyboard.press("Enter");
  await expect.poll(() => desk.graph.sent.at(-1)?.text).toBe("It is me again.");
});

test("a prompt is changed, asked and published with a note", async ({ page, desk }) => {
  desk.model.answer = ({ messages }) =>
    messages[0]?.content.includes("Be warm") ? "Dear friend, we open at nine [1]." : "We open at nine [1].";
  await page.goto("/sandbox");
  await skip(page);
  await tabTo(page, page.getByRole("textbox", { name: "System prompt" }));
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.type("Be warm.");
  await expect(page.getByText("This can be published.")).toBeVisible();
  // Tab leaves the editor.
  await tabTo(page, page.getByRole("textbox", { name: "Message", exact: true }));
  await page.keyboard.type("When do you open?");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("spoken")).toContainText("Dear friend, we open at nine");
  await tabTo(page, button(main(page), "Publish"), "Shift+Tab");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Publish the draft" });
  await tabTo(page, dialog.getByLabel("What changed, and why"));
  await page.keyboard.type("Warmer");
  await press(page, button(dialog, "Publish"));
  await expect(dialog).toBeHidden();
  await expect(page.getByText("Version 2 answers customers now")).toBeVisible();
  await keepsFocus(page, "publishing");
  await expect.poll(async () => (await desk.api<{ note: string }>("/agents/shop/versions/2")).note).toBe("Warmer");
});

test("a document is added and found", async ({ page }) => {
  await page.goto("/knowledge");
  await skip(page);
  await press(page, main(page).getByTestId("collection").getByRole("link").first());
  const paste = button(main(page), "Paste text");
  await press(page, paste);
  const dialog = page.getByRole("dialog", { name: "Paste text" });
  await expect(dialog.getByLabel("Title")).toBeFocused();
  await page.keyboard.type("Parking");
  await tabTo(page, dialog.getByRole("textbox", { name: "Text", exact: true }));
  await page.keyboard.type("Park your bicycle behind the boat house.");
  await press(page, button(dialog, "Add"));
  await expect(dialog).toBeHidden();
  await expect(paste).toBeFocused();
  const row = page.getByTestId("document").filter({ hasText: "Parking" });
  await expect(row).toBeVisible();
  await expect(row).not.toContainText("Learning");
  await tabTo(page, main(page).getByRole("link", { name: "Knowledge" }), "Shift+Tab");
  await page.keyboard.press("Enter");
  await tabTo(page, main(page).getByRole("tab", { name: "Collections" }));
  await page.keyboard.press("ArrowRight");
  await expect(main(page).getByRole("tab", { name: "Search test", selected: true })).toBeFocused();
  await tabTo(page, page.getByLabel("Question"));
  await page.keyboard.type("Where do I park my bicycle?");
  await page.keyboard.press("Enter");
  const passage = page.getByTestId("passage").first();
  await expect(passage).toContainText("behind the boat house");
  await press(page, button(passage, "Show the document"));
  const drawer = page.getByRole("dialog", { name: "Document" });
  await expect(drawer.getByTestId("chunk").first()).toContainText("behind the boat house");
  await page.keyboard.press("Escape");
  await expect(drawer).toBeHidden();
  await keepsFocus(page, "closing a document that another page opened");
});

test("why an answer was given is read and closed, back to where it was asked", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada Lovelace");
  await expect.poll(() => desk.graph.sent.length).toBe(1);
  await page.goto("/inbox");
  await skip(page);
  await press(page, main(page).locator("[data-id]"));
  const ask = button(page.getByRole("region", { name: "Messages" }), "Why?");
  await press(page, ask);
  const drawer = page.getByRole("dialog", { name: "Why this answer" });
  await expect(drawer.getByTestId("account")).toBeVisible();
  await expect(drawer).toBeVisible();
  const details = drawer.getByRole("button", { name: /^Details/ });
  await press(page, details);
  await expect(details).toHaveAttribute("aria-expanded", "true");
  await expect(drawer).toContainText("2 hand-off rules were tried, none fired.");
  // A dialog over the drawer gives the focus back to it.
  const correct = button(drawer, "Correct this answer");
  await tabTo(page, correct, "Shift+Tab");
  await page.keyboard.press("Enter");
  const form = page.getByRole("dialog", { name: "New curated answer" });
  await expect(form.getByRole("textbox", { name: "Answer", exact: true })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(form).toBeHidden();
  await expect(correct).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(drawer).toBeHidden();
  await expect(ask).toBeFocused();
});
