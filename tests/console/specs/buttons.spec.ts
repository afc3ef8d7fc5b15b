// Messages with something to tap, and reactions: a person writes them, sees them before, and the customer's answer comes back.
import type { Locator, Page } from "@playwright/test";
import { accessible, type Desk, expect, type Schemas, test } from "../support/test.js";

const ada = "447700900001";
const button = (at: Page | Locator, name: string) => at.getByRole("button", { name, exact: true });
const thread = (page: Page) => page.getByRole("region", { name: "Messages" });
const dialog = (page: Page) => page.getByRole("dialog", { name: "More to send" });
const toAda = (desk: Desk) => desk.graph.sent.filter(({ to }) => to.endsWith(ada));

/** Chooses what is sent. */
async function kind(page: Page, name: string) {
  await dialog(page).getByRole("combobox", { name: "What to send" }).click();
  await page.getByRole("option", { name, exact: true }).click();
}

/** The bot has answered a customer, whose conversation is open. */
async function open(desk: Desk, page: Page) {
  await desk.graph.customerSays(ada, "When do you open?", "Ada Lovelace");
  await expect.poll(() => toAda(desk).length).toBe(1);
  await page.goto("/inbox");
  await page.locator("nav [data-id]").filter({ hasText: "Ada Lovelace" }).click();
  await expect(thread(page)).toContainText("When do you open?");
}

test("a person offers choices, sees them before, and few are buttons and more a list", async ({
  page,
  desk,
}) => {
  await open(desk, page);
  await page.getByRole("textbox", { name: /Ada/ }).fill("Which size?");
  await button(page, "More to send").click();
  await expect(dialog(page).getByLabel("Text above the buttons"), "what was typed is there").toHaveValue(
    "Which size?",
  );
  await button(dialog(page), "Send").click();
  await expect(dialog(page).getByRole("alert")).toHaveText("Write at least one choice.");
  await dialog(page).getByLabel("Choice 1", { exact: true }).fill("Small");
  await dialog(page).getByLabel("Choice 2", { exact: true }).fill("small");
  await expect(dialog(page).getByRole("alert")).toHaveText("Two choices are the same.");
  await dialog(page).getByLabel("Choice 2", { exact: true }).fill("Large");
  const preview = dialog(page).getByRole("region", { name: "What the customer sees" });
  await expect(preview.getByRole("list", { name: "Buttons" }).getByRole("listitem")).toHaveText([
    "Small",
    "Large",
  ]);
  await accessible(page, "the dialog of buttons");
  await button(dialog(page), "Send").dblclick();
  await expect(dialog(page)).toHaveCount(0);

  const sent = thread(page).locator("[data-message]", { hasText: "Which size?" });
  await expect(sent.getByRole("list", { name: "Buttons" }).getByRole("listitem")).toHaveText([
    "Small",
    "Large",
  ]);
  await expect(sent, "the numbers are for where nothing can be tapped").not.toContainText("1. Small");
  await expect.poll(() => toAda(desk).length).toBe(2);
  const reply = (id: string, title: string) => ({ type: "reply", reply: { id, title } });
  expect(toAda(desk)[1]?.content).toEqual({
    type: "button",
    body: { text: "Which size?" },
    action: { buttons: [reply("1", "Small"), reply("2", "Large")] },
  });
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  await expect(page.locator("nav [data-id]").filter({ hasText: "Ada Lovelace" })).toContainText(
    "Which size?",
  );
  await accessible(page, "choices in the conversation");

  await page.getByRole("textbox", { name: /Ada/ }).fill("Which day?");
  await button(page, "More to send").click();
  for (const [at, day] of ["Monday", "Tuesday", "Wednesday", "Thursday"].entries()) {
    if (at > 1) await button(dialog(page), "Add a choice").click();
    await dialog(page)
      .getByLabel(`Choice ${at + 1}`, { exact: true })
      .fill(day);
  }
  await dialog(page).getByLabel("Button that opens the list").fill("Days");
  await button(dialog(page), "Send").click();
  await expect.poll(() => toAda(desk).length).toBe(3);
  expect(toAda(desk)[2]?.content).toMatchObject({
    type: "list",
    action: { button: "Days", sections: [{ rows: [{}, {}, {}, { title: "Thursday" }] }] },
  });
});

test("a person sends a link as a button", async ({ page, desk }) => {
  await open(desk, page);
  await button(page, "More to send").click();
  await kind(page, "Link");
  await dialog(page).getByLabel("Text above the buttons").fill("Our menu is here.");
  await dialog(page).getByLabel("Text of the button").fill("Menu");
  await dialog(page).getByLabel("Web address").fill("harbour.example");
  await button(dialog(page), "Send").click();
  await expect(dialog(page).getByRole("alert")).toContainText("whole web address");
  await dialog(page).getByLabel("Web address").fill("https://harbour.example/menu");
  await button(dialog(page), "Send").click();
  await expect.poll(() => toAda(desk).length).toBe(2);
  expect(toAda(desk)[1]?.content).toEqual({
    type: "cta_url",
    body: { text: "Our menu is here." },
    action: { name: "cta_url", parameters: { display_text: "Menu", url: "https://harbour.example/menu" } },
  });
  const link = thread(page).getByRole("link", { name: "Menu" });
  await expect(link).toHaveAttribute("href", "https://harbour.example/menu");
});

test("a person reacts to a customer's message, and takes it back", async ({ page, desk }) => {
  await open(desk, page);
  const said = thread(page).locator("[data-message]", { hasText: "When do you open?" });
  await said.hover();
  await button(page, "React to: When do you open?").click();
  await accessible(page, "the emoji to choose from");
  await button(page, "👍").click();
  await expect(said.getByRole("img", { name: "Reacted with 👍" })).toBeVisible();
  await expect.poll(() => toAda(desk).length).toBe(2);
  const { items } = await desk.api<Schemas["Page_Conversation"]>("/conversations");
  const { items: messages } = await desk.api<Schemas["Page_Message"]>(
    `/conversations/${items[0]?.id}/messages`,
  );
  const id = messages.at(-1)?.provider_id;
  expect(toAda(desk)[1]?.content).toEqual({ message_id: id, emoji: "👍" });
  await button(page, "React to: When do you open?").click();
  await button(page, "Remove the reaction").click();
  await expect(said.getByRole("img", { name: /Reacted/ })).toHaveCount(0);
  await expect.poll(() => toAda(desk).length).toBe(3);
  expect(toAda(desk)[2]?.content).toEqual({ message_id: id, emoji: "" });
});

test("a person sends a place, an address card, products and a form", async ({ page, desk }) => {
  await open(desk, page);
  await page.getByRole("textbox", { name: /Ada/ }).fill("See you there");
  await button(page, "More to send").click();
  await kind(page, "Place");
  await expect(dialog(page).getByLabel("Text above the buttons"), "a place has no text").toHaveCount(0);
  await button(dialog(page), "Send").click();
  await expect(dialog(page).getByRole("alert")).toContainText("Write latitude and longitude");
  await dialog(page).getByLabel("Latitude and longitude").fill("51.5007, -0.1246");
  await dialog(page).getByLabel("Name of the place").fill("Harbour Books");
  await accessible(page, "the dialog of a place");
  await button(dialog(page), "Send").click();
  await expect.poll(() => toAda(desk).length).toBe(2);
  expect(toAda(desk)[1]?.content).toEqual({ latitude: 51.5007, longitude: -0.1246, name: "Harbour Books" });
  const map = thread(page).getByRole("link", { name: "Show on a map" });
  await expect(map).toHaveAttribute("href", /mlat=51\.5007&mlon=-0\.1246/);
  await expect(page.getByRole("textbox", { name: /Ada/ }), "what was typed stays").toHaveValue("See you there");

  await button(page, "More to send").click();
  await kind(page, "Contact cards");
  await dialog(page).getByRole("textbox", { name: "Name", exact: true }).fill("Grace");
  await dialog(page).getByLabel("Phone numbers").fill("+44 7700 900123");
  await button(dialog(page), "Send").click();
  await expect.poll(() => toAda(desk).length).toBe(3);
  expect(toAda(desk)[2]?.content).toEqual([
    { name: { formatted_name: "Grace", first_name: "Grace" }, phones: [{ phone: "+44 7700 900123" }] },
  ]);
  await expect(thread(page).getByRole("link", { name: "+44 7700 900123" })).toBeVisible();

  await button(page, "More to send").click();
  await kind(page, "Products");
  await dialog(page).getByLabel("Catalogue").fill("77");
  await dialog(page).getByRole("textbox", { name: "Products", exact: true }).fill("atlas\nglobe");
  await dialog(page).getByLabel("Header above the products").fill("New");
  await accessible(page, "the dialog of products");
  await button(dialog(page), "Send").click();
  await expect.poll(() => toAda(desk).length).toBe(4);
  const items = [{ product_retailer_id: "atlas" }, { product_retailer_id: "globe" }];
  expect(toAda(desk)[3]?.content).toEqual({
    type: "product_list",
    header: { type: "text", text: "New" },
    body: { text: "See you there" },
    action: { catalog_id: "77", sections: [{ product_items: items }] },
  });
  await expect(thread(page).locator("[data-message]", { hasText: "From the catalogue" })).toContainText("globe");

  await button(page, "More to send").click();
  await kind(page, "Form to fill in");
  await dialog(page).getByLabel("Text above the buttons").fill("Reserve a book.");
  await dialog(page).getByLabel("Text of the button").fill("Reserve");
  await dialog(page).getByRole("textbox", { name: "Form", exact: true }).fill("12");
  await button(dialog(page), "Send").click();
  await expect.poll(() => toAda(desk).length).toBe(5);
  expect(toAda(desk)[4]?.content).toMatchObject({ type: "flow", action: { parameters: { flow_id: "12" } } });
  const form = thread(page).locator("[data-message]", { hasText: "Reserve a book." });
  await expect(form.getByRole("list", { name: "Buttons" }).getByRole("listitem")).toHaveText(["Reserve"]);
  await accessible(page, "places, cards, products and forms in the conversation");
});
