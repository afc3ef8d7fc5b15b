// Message templates: after the 24-hour window has closed, a person chooses one, fills it, sees it and sends it.
import type { Locator, Page } from "@playwright/test";
import { accessible, type Desk, expect, type Schemas, test } from "../support/test.js";

const ada = "447700900001";
const button = (at: Page | Locator, name: string) => at.getByRole("button", { name, exact: true });
const thread = (page: Page) => page.getByRole("region", { name: "Messages" });
const dialog = (page: Page) => page.getByRole("dialog", { name: "Send a template" });
const toAda = (desk: Desk) => desk.graph.sent.filter(({ to }) => to.endsWith(ada));

const order = {
  id: "806312974732579",
  name: "order_update",
  language: "en_US",
  status: "APPROVED",
  category: "UTILITY",
  quality_score: { score: "GREEN", date: 1 },
  components: [
    { type: "HEADER", format: "TEXT", text: "Order {{1}}" },
    { type: "BODY", text: "Hello {{1}}, your *{{2}}* is here." },
    { type: "FOOTER", text: "Harbour Books" },
    {
      type: "BUTTONS",
      buttons: [
        { type: "URL", text: "Track", url: "https://shop.example/orders/{{1}}" },
        { type: "QUICK_REPLY", text: "Thanks" },
      ],
    },
  ],
};
const plain = { id: "2", name: "come_back", language: "es", status: "APPROVED", category: "MARKETING", components: [{ type: "BODY", text: "¿Sigue ahí?" }] };
const rejected = { ...plain, id: "3", name: "big_sale", status: "REJECTED", rejected_reason: "PROMOTIONAL" };
const picture = { ...plain, id: "4", name: "new_books", components: [{ type: "HEADER", format: "IMAGE" }, ...plain.components] };
const cards = { ...plain, id: "5", name: "all_books", components: [...plain.components, { type: "CAROUSEL", cards: [] }] };

/** The bot has answered, and WhatsApp says that it takes nothing more until the customer writes. */
async function closed(desk: Desk, page: Page) {
  await desk.graph.customerSays(ada, "When do you open?", "Ada Lovelace");
  await expect.poll(() => toAda(desk).length).toBe(1);
  const [answer] = toAda(desk);
  if (!answer) throw new Error("nothing was sent");
  await desk.graph.tells(answer, "failed", { code: 131047, title: "Re-engagement message" });
  await page.goto("/inbox");
  await page.locator("nav [data-id]").filter({ hasText: "Ada Lovelace" }).click();
  await expect(page.getByText("The 24-hour window is closed", { exact: true })).toBeVisible();
}

test("after the window has closed, a person fills a template, sees it, and sends it", async ({ page, desk }) => {
  desk.graph.templates = [order, plain, rejected, cards];
  await closed(desk, page);
  await button(page, "Send a template").click();
  const choices = dialog(page).getByRole("list", { name: "Templates to send" });
  await expect(choices.getByRole("button"), "read by itself; what cannot be sent is not offered").toHaveCount(2);
  const others = dialog(page).getByRole("region", { name: "Cannot be sent" }).getByRole("listitem");
  await expect(others.filter({ hasText: "big_sale" })).toContainText("WhatsApp rejected it. (PROMOTIONAL)");
  await expect(others.filter({ hasText: "all_books" })).toContainText("a button that frontdesk does not fill");
  await accessible(page, "the templates to choose from");

  const search = dialog(page).getByRole("searchbox", { name: "Search by name or text" });
  await search.fill("big sale");
  await expect(dialog(page).getByRole("status")).toHaveText("No template that can be sent matches.");
  await expect(others).toHaveCount(1);
  await search.fill("is here");
  await expect(choices.getByRole("button")).toHaveCount(1);
  await choices.getByRole("button", { name: /order_update/ }).click();
  const preview = dialog(page).getByRole("region", { name: "Preview" });
  await expect(preview).toContainText("Hello \u2068[Text 1]\u2069, your \u2068[Text 2]\u2069 is here.");
  const send = button(dialog(page), "Send");
  await send.click();
  await expect(dialog(page).getByLabel("Header 1")).toBeFocused();
  await expect(dialog(page).getByText("Enter a value.")).toHaveCount(4);
  await dialog(page).getByLabel("Header 1").fill("x".repeat(55));
  await expect(dialog(page).getByText("the header is 61 characters long; WhatsApp takes 60")).toBeVisible();
  await accessible(page, "a template with mistakes");
  await dialog(page).getByLabel("Header 1").fill("A-17");
  await dialog(page).getByLabel("Text 1").fill("Ada");
  await dialog(page).getByLabel("Text 2").fill("blue     book");
  await expect(dialog(page).getByText("at most four spaces in a row")).toBeVisible();
  await dialog(page).getByLabel("Text 2").fill("blue book");
  const link = dialog(page).getByLabel("End of the link “Track”");
  await expect(link).toHaveAccessibleDescription(/https:\/\/shop\.example\/orders\//);
  await link.fill("A 17");
  await expect(dialog(page).getByText("The end of a link has no spaces")).toBeVisible();
  await link.fill("A-17");
  await expect(preview).toContainText("Order A-17");
  await expect(preview).toContainText("Hello Ada, your blue book is here.");
  await expect(preview.locator("strong", { hasText: "blue book" })).toBeVisible();
  await expect(preview.getByRole("list", { name: "Buttons" }).getByRole("listitem")).toHaveText(["Track", "Thanks"]);
  expect(toAda(desk), "nothing is sent before").toHaveLength(1);
  await send.dblclick();
  await expect(dialog(page)).toHaveCount(0);

  const sent = thread(page).locator("[data-message]", { hasText: "blue book" });
  await expect(sent).toHaveAttribute("data-author", "person");
  await expect(sent).toContainText("Template");
  await expect(sent.getByRole("list", { name: "Buttons" }).getByRole("listitem")).toHaveText(["Track", "Thanks"]);
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  await expect.poll(() => toAda(desk).length).toBe(2);
  await expect(thread(page).locator("[data-message]", { hasText: "blue book" }), "a double-click sends once").toHaveCount(1);
  const text = (text: string) => ({ type: "text", text });
  expect(toAda(desk)[1]).toMatchObject({ template: "order_update", language: "en_US" });
  expect(toAda(desk)[1]?.components).toEqual([
    { type: "header", parameters: [text("A-17")] },
    { type: "body", parameters: [text("Ada"), text("blue book")] },
    { type: "button", sub_type: "url", index: "0", parameters: [text("A-17")] },
  ]);
  await expect(page.locator("nav [data-id]").filter({ hasText: "Ada Lovelace" })).toContainText("Order A-17");
  await accessible(page, "a template in the conversation");
  const { items } = await desk.api<Schemas["Page_Conversation"]>("/conversations");
  expect(items[0]).toMatchObject({ owner: "person", last_kind: "template" });
  expect(toAda(desk), "a double-click sends once").toHaveLength(2);
});

test("a template is sent by the keyboard alone, and the focus stays where it was", async ({ page, desk }) => {
  desk.graph.templates = [plain];
  await closed(desk, page);
  const open = button(page, "Send a template");
  await open.focus();
  await page.keyboard.press("Enter");
  await expect(dialog(page).getByRole("searchbox")).toBeFocused();
  await expect(dialog(page).getByRole("button", { name: /come_back/ })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(dialog(page).getByRole("button", { name: /come_back/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog(page).getByRole("region", { name: "Preview" }), "it is seen before it is sent").toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog(page), "the Enter that chose it does not send it").toBeVisible();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(button(dialog(page), "Send")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog(page)).toHaveCount(0);
  await expect(open).toBeFocused();
  await expect(thread(page).locator("[data-message]", { hasText: "¿Sigue ahí?" })).toBeVisible();
  await expect.poll(() => toAda(desk)[1]?.template).toBe("come_back");
});

test("what is typed stays while the customer writes, and when the dialog is closed", async ({ page, desk }) => {
  desk.graph.templates = [order];
  await closed(desk, page);
  await button(page, "Send a template").click();
  await dialog(page).getByRole("button", { name: /order_update/ }).click();
  const value = dialog(page).getByLabel("Text 1");
  await value.fill("Ada");
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toHaveCount(0);
  await expect(button(page, "Send a template")).toBeFocused();
  await page.keyboard.press("Enter");
  await dialog(page).getByRole("button", { name: /order_update/ }).click();
  await expect(value, "closed, it is kept").toHaveValue("Ada");
  await button(dialog(page), "All templates").click();
  await dialog(page).getByRole("button", { name: /order_update/ }).click();
  await expect(value).toHaveValue("Ada");

  await desk.graph.customerSays(ada, "Are you there?", "Ada Lovelace");
  await expect(dialog(page).getByRole("alert")).toHaveText("The customer has written: you can write freely now.");
  await expect(value).toHaveValue("Ada");
  await expect(button(dialog(page), "Send")).toBeEnabled();
  await accessible(page, "a template while the customer writes");
  await desk.graph.customerSays(ada, "STOP", "Ada Lovelace");
  await expect(dialog(page).getByRole("alert")).toContainText("The customer has opted out");
  await expect(value).toHaveValue("Ada");
  await expect(button(dialog(page), "Send")).toBeDisabled();
  await desk.graph.customerSays(ada, "START", "Ada Lovelace");
  await expect(button(dialog(page), "Send")).toBeEnabled();
  await button(dialog(page), "Cancel").click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.getByLabel("Message to Ada Lovelace")).toBeFocused();
});

test("a template that changes while it is filled is not sent unseen", async ({ page, desk }) => {
  desk.graph.templates = [order];
  await closed(desk, page);
  await button(page, "Send a template").click();
  const choice = dialog(page).getByRole("button", { name: /order_update/ });
  const value = dialog(page).getByLabel("Text 1");
  /** A reading ends, with these templates, only once one of those before is chosen. */
  const readWhileChosen = async (templates: object[]) => {
    let release = () => {};
    const chosen = new Promise<void>((done) => {
      release = done;
    });
    await page.route("**/templates/sync", async (route) => {
      await chosen;
      await route.continue();
    });
    await button(dialog(page), "Read again").click();
    await choice.click();
    desk.graph.templates = templates;
    release();
  };
  await expect(choice).toBeVisible();
  const changed = { ...order, components: [{ type: "BODY", text: "Dear {{1}}, it is here." }] };
  await readWhileChosen([changed]);
  await value.fill("Ada");
  const notice = dialog(page).getByRole("alert");
  await expect(notice).toContainText("This template has changed");
  await expect(button(dialog(page), "Send")).toBeDisabled();
  await accessible(page, "a template that has changed");
  await button(notice, "Show it as it is now").click();
  const preview = dialog(page).getByRole("region", { name: "Preview" });
  await expect(preview).toContainText("Dear Ada, it is here.");
  await expect(preview).toBeFocused();
  await expect(button(dialog(page), "Send")).toBeEnabled();

  await button(dialog(page), "All templates").click();
  await page.unroute("**/templates/sync");
  await readWhileChosen([{ ...changed, status: "PAUSED" }]);
  await expect(notice).toContainText("WhatsApp paused it");
  await expect(value).toHaveValue("Ada");
  await expect(button(dialog(page), "Send")).toBeDisabled();
});

test("why there are no templates is said, and they are read again", async ({ page, desk }) => {
  desk.graph.templates = undefined;
  await closed(desk, page);
  await button(page, "Send a template").click();
  await expect(dialog(page).getByRole("alert")).toContainText("You do not have permission");
  await expect(dialog(page).getByRole("link", { name: "Open the number" })).toHaveAttribute("href", /\/numbers\/./);
  desk.graph.templates = [];
  await button(dialog(page), "Read the templates").click();
  await expect(dialog(page).getByText("No templates yet")).toBeVisible();
  await accessible(page, "no templates");
  desk.graph.templates = [plain];
  await button(dialog(page), "Read again").click();
  await expect(dialog(page).getByRole("button", { name: /come_back/ })).toBeVisible();
});

test("who has opted out gets no template", async ({ page, desk }) => {
  await closed(desk, page);
  await expect(button(page, "Send a template")).toBeVisible();
  await desk.graph.customerSays(ada, "STOP");
  await expect(page.getByText("This customer has opted out")).toBeVisible();
  await expect(button(page, "Send a template")).toHaveCount(0);
});

test("a number's page says which templates there are, and how one becomes known", async ({ page, desk }) => {
  desk.graph.templates = [order, { ...rejected, quality_score: { score: "RED" } }];
  const [number] = await desk.api<Schemas["Number"][]>("/numbers");
  await page.goto(`/numbers/${number?.id}`);
  const main = page.getByRole("main");
  await button(main, "Message templates").click();
  await expect(main.getByText("Not read from WhatsApp yet")).toBeVisible();
  await button(main, "Read the templates").click();
  await expect(main.getByRole("alert").filter({ hasText: "account is not known yet" })).toContainText("account_id");
  await desk.graph.customerSays(ada, "When do you open?", "Ada Lovelace");
  await button(main, "Read the templates").click();
  const row = (name: string) => main.getByRole("row").filter({ hasText: name });
  await expect(row("order_update").getByRole("rowheader")).toHaveText("order_updateAmerican English");
  await expect(row("order_update").getByRole("cell")).toHaveText(["Approved", "High", "Utility", ""]);
  await expect(row("big_sale").getByRole("cell")).toHaveText(["RejectedWhatsApp rejected it. (PROMOTIONAL)", "Low", "Marketing", ""]);
  await expect(main.getByText("account is not known yet")).toHaveCount(0);
  await accessible(page, "the templates of a number");
  desk.graph.templates = [order];
  await button(main, "Read again").click();
  await expect(row("big_sale")).toHaveCount(0);
});

test("a template is written, submitted, approved and deleted", async ({ page, desk }) => {
  // The axe check sets it, and Mantine then renders the unfolded part, which holds the dialog, anew.
  await page.emulateMedia({ reducedMotion: "reduce" });
  desk.graph.templates = [rejected];
  await desk.graph.customerSays(ada, "When do you open?", "Ada Lovelace");
  await expect.poll(() => toAda(desk).length).toBe(1);
  await page.goto("/numbers");
  await page.getByRole("link", { name: "main" }).click();
  await button(page, "Message templates").click();
  await button(page, "New template").click();
  const form = page.getByRole("dialog", { name: "New message template" });
  await expect(form.getByText("{{1}}, {{2}} and so on stand for values")).toBeVisible();
  await form.getByLabel("Name").fill("Order Update");
  await form.getByRole("textbox", { name: "Text", exact: true }).fill("Hello {{1}}, your book is here.");
  await button(form, "Add a button").click();
  await form.getByLabel("Button 1", { exact: true }).getByRole("combobox").selectOption("url");
  await form.getByLabel("Label").fill("Track");
  await form.getByLabel("Address").fill("https://shop.example/{{1}}");
  const preview = form.getByRole("region", { name: "Preview" });
  await expect(preview).toContainText("Hello \u2068[Text 1]\u2069, your book is here.");
  await form.getByLabel("Text 1").fill("Ada");
  await expect(preview).toContainText("Hello Ada, your book is here.");
  await accessible(page, "a new template");
  await button(form, "Submit to WhatsApp").click();
  await expect(form.getByText("need an example of the value button.0")).toBeVisible();
  await form.getByLabel("End of the link “Track”").fill("A-17");
  await button(form, "Submit to WhatsApp").click();
  const row = page.getByRole("row", { name: /order_update/ });
  await expect(row).toContainText("In review");
  expect(desk.graph.templates?.at(-1)).toMatchObject({
    name: "order_update",
    category: "UTILITY",
    components: [
      { type: "BODY", example: { body_text: [["Ada"]] } },
      { type: "BUTTONS", buttons: [{ type: "URL", example: ["A-17"] }] },
    ],
  });
  await desk.graph.reports("message_template_status_update", {
    event: "APPROVED",
    message_template_name: "order_update",
    message_template_language: "en",
  });
  await expect(row, "the open page follows").toContainText("Approved");
  await row.getByRole("button", { name: /^Delete order_update/ }).click();
  await button(page.getByRole("dialog"), "Delete the template").click();
  await expect(row).toHaveCount(0);
  expect(desk.graph.templates).toEqual([rejected]);
});

test("a template with a picture above its text goes out with the picture", async ({ page, desk }) => {
  desk.graph.templates = [picture];
  await closed(desk, page);
  await button(page, "Send a template").click();
  await dialog(page).getByRole("button", { name: /new_books/ }).click();
  await button(dialog(page), "Send").click();
  await expect(dialog(page).getByText("Choose a file.")).toBeVisible();
  const bytes = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  await dialog(page).locator("input[type=file]").setInputFiles({ name: "atlas.png", mimeType: "image/png", buffer: bytes });
  await expect(dialog(page).getByRole("region", { name: "Preview" })).toContainText("atlas.png");
  await accessible(page, "a template with a picture");
  await button(dialog(page), "Send").click();
  await expect(dialog(page)).toHaveCount(0);
  await expect.poll(() => toAda(desk).length).toBe(2);
  const [, sent] = toAda(desk);
  const [id] = desk.graph.files.keys();
  expect(sent?.components).toEqual([{ type: "header", parameters: [{ type: "image", image: { id } }] }]);
  expect(desk.graph.files.get(id ?? "")?.bytes).toEqual(bytes);
  const message = thread(page).locator("[data-message]", { hasText: "¿Sigue ahí?" });
  await expect(message.getByRole("img")).toBeVisible();
});
