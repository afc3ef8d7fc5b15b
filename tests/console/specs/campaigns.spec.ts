// Writing first: a conversation that begins with a template, and campaigns, from the list in a file to the results.
import type { Locator, Page } from "@playwright/test";
import { accessible, type Desk, expect, type Schemas, test } from "../support/test.js";

const button = (at: Page | Locator, name: string | RegExp) => at.getByRole("button", { name, exact: true });
const main = (page: Page) => page.getByRole("main");
const field = (at: Page | Locator, name: string) => at.getByRole("textbox", { name, exact: true });
const dialog = (page: Page, name: string) => page.getByRole("dialog", { name });

const ready = {
  id: "1",
  name: "order_ready",
  language: "en_US",
  status: "APPROVED",
  category: "UTILITY",
  components: [{ type: "BODY", text: "Dear {{1}}, order {{2}} is ready." }],
};
const phone = (n: number) => `44770091${String(n).padStart(4, "0")}`;
const people = (count: number) => Array.from({ length: count }, (_, n) => n);
const list = (count: number) =>
  `phone;Name;Order no\r\n${people(count)
    .map((n) => `+${phone(n)};Customer ${n};A-${n}\r\n`)
    .join("")}`;
const file = (text: string) => ({ name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from(text) });

/** The values of the template that each customer got, by their phone's digits. */
function received(desk: Desk): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const { to, template, components } of desk.graph.sent) {
    if (!template) continue;
    const parts = components as { parameters: { text: string }[] }[];
    const values = parts[0]?.parameters.map(({ text }) => text).join("|") ?? "";
    const digits = to.replace("+", "");
    all.set(digits, [...(all.get(digits) ?? []), values]);
  }
  return all;
}

/** The number's account is known once a customer has written. */
async function known(desk: Desk) {
  desk.graph.templates = [ready];
  await desk.graph.customerSays("447700900099", "When do you open?", "Ada");
  await expect.poll(() => desk.graph.sent.length).toBe(1);
}

async function fillTemplate(at: Page | Locator, one: string, two: string) {
  await at.getByRole("button", { name: /order_ready/ }).click();
  await field(at, "Text 1").fill(one);
  await field(at, "Text 2").fill(two);
}

/** Fills the form of a new campaign with a list and makes the draft. */
async function draft(page: Page, text: string, pace?: string) {
  await page.goto("/campaigns/new");
  await field(main(page), "Name").fill("Orders are ready");
  await page.locator("input[type=file]").setInputFiles(file(text));
  await main(page).getByLabel("Where did they agree to be written to?").fill("Order form");
  await fillTemplate(main(page), "{{name}}", "{{Order no}}");
  if (pace) await main(page).getByLabel("Messages a minute").fill(pace);
  await button(main(page), "Create the draft").click();
}

test("a campaign is made from a list: what is missing or cannot be used is said, and nothing is sent", async ({ page, desk }) => {
  await known(desk);
  await page.goto("/campaigns");
  await expect(main(page).getByText("No campaigns yet")).toBeVisible();
  await accessible(page, "no campaigns");
  await main(page).getByRole("link", { name: "New campaign" }).click();

  await button(main(page), "Create the draft").click();
  await expect(field(main(page), "Name")).toBeFocused();
  await expect(main(page).getByText("Choose a file with the list.")).toBeVisible();
  await expect(main(page).getByRole("status").filter({ hasText: "Choose a template first." })).toBeVisible();
  await field(main(page), "Name").fill("Orders are ready");
  await page.locator("input[type=file]").setInputFiles(file(`${list(50)}07700 900123;Nobody;A-50\r\n`));
  await expect(main(page).getByText("phone, Name and Order no")).toBeVisible();
  await main(page).getByLabel("Where did they agree to be written to?").fill("Order form");
  await main(page).getByRole("button", { name: /order_ready/ }).click();
  const second = field(main(page), "Text 2");
  await button(main(page), "Insert a column: Text 1").click();
  await page.getByRole("menuitem", { name: "Name", exact: true }).click();
  await second.fill("{{colour}}");
  await expect(main(page).getByText("The list has no column “colour”.")).toBeVisible();
  await second.fill("");
  await button(main(page), "Insert a column: Text 2").click();
  await page.getByRole("menuitem", { name: "Order no" }).click();
  await expect(main(page).getByRole("region", { name: "Preview" })).toContainText("Dear Customer 0, order A-0 is ready.");
  await accessible(page, "a new campaign");
  await button(main(page), "Create the draft").click();
  await expect(main(page).getByText("50 recipients added.")).toBeVisible();
  await expect(main(page).getByRole("row", { name: /^52/ })).toContainText("no phone number with its country code");
  await accessible(page, "lines that cannot be used");
  await main(page).getByRole("link", { name: "Open the campaign" }).click();

  await expect(main(page).getByRole("heading", { level: 1, name: "Orders are ready" })).toBeVisible();
  await expect(main(page).getByTestId("state")).toHaveText("Draft");
  await accessible(page, "the draft of a campaign");
  expect(received(desk).size).toBe(0);
});

test("a campaign of 50, with an opt-out and two failures, reaches all others once", async ({ page, desk }) => {
  await known(desk);
  await desk.graph.customerSays(phone(7), "STOP");
  for (const n of [3, 4]) desk.graph.refusedTo.set(phone(n), { code: 131_026, message: "Message undeliverable", status: 400 });
  await draft(page, list(50));
  await expect(main(page).getByTestId("state")).toHaveText("Draft");
  await expect(main(page).getByRole("region", { name: "What the first recipient gets" })).toContainText("Dear Customer 0, order A-0 is ready.");
  await button(main(page), "Send a test").click();
  const trial = dialog(page, "Send a test");
  await trial.getByLabel("Your phone number").fill("07700 900123");
  await button(trial, "Send the test").click();
  await expect(trial.getByText("with its country code, such as +44 7700 900123.").last()).toBeVisible();
  await trial.getByLabel("Your phone number").fill("+1 555 000 7777");
  await button(trial, "Send the test").click();
  await expect(trial.getByRole("status")).toContainText("The test is on its way.");
  await expect.poll(() => received(desk).get("15550007777")).toEqual(["Customer 0|A-0"]);
  await accessible(page, "a test of a campaign");
  await button(trial, "Cancel").click();

  await button(main(page), "Start").click();
  const start = dialog(page, "Start the campaign?");
  await expect(start.getByText("50 customers get this message.")).toBeVisible();
  await expect(start.getByText("Dear Customer 0, order A-0 is ready.")).toBeVisible();
  await start.getByRole("radio", { name: "At a time" }).check();
  await start.getByLabel("Date and time").fill("2020-01-01T09:00");
  await button(start, "Start at this time").click();
  await expect(start.getByText("This time is over.")).toBeVisible();
  await accessible(page, "the start of a campaign");
  await start.getByRole("radio", { name: "Now" }).check();
  expect(received(desk).size, "nothing is sent before").toBe(1);
  await button(start, "Send to 50 customers").click();

  await expect(main(page).getByTestId("state")).toHaveText("Finished", { timeout: 30_000 });
  const figure = (name: string) => main(page).locator("dl", { has: page.getByText(name, { exact: true }) }).locator("dd").first();
  await expect(figure("Sent")).toHaveText("47");
  await expect(figure("Failed")).toHaveText("2");
  await expect(main(page).getByText("1 · Opted out before")).toBeVisible();
  await expect(main(page).locator("li", { hasText: "undeliverable" })).toContainText("2");
  const all = received(desk);
  all.delete("15550007777");
  const wanted = people(50).filter((n) => ![3, 4, 7].includes(n));
  expect(Object.fromEntries(all)).toEqual(Object.fromEntries(wanted.map((n) => [phone(n), [`Customer ${n}|A-${n}`]])));

  // The page follows what becomes of the messages.
  const [sent] = desk.graph.sent.filter(({ to }) => to.endsWith(phone(1)));
  if (!sent) throw new Error("nothing was sent");
  await desk.graph.tells(sent, "delivered");
  await expect(figure("Delivered")).toHaveText("1");
  await desk.graph.customerSays(phone(1), "STOP");
  await expect(figure("Opted out")).toHaveText("1");
  const row = main(page).getByRole("row", { name: /Customer 3\b/ });
  await expect(row).toContainText("Not sent");
  await accessible(page, "the results of a campaign");
  await main(page).getByRole("row", { name: /Customer 1\b/ }).getByRole("link", { name: "Open" }).click();
  await expect(page.getByRole("region", { name: "Messages" })).toContainText("Dear Customer 1, order A-1 is ready.");
  await page.goto("/campaigns");
  await expect(main(page).getByRole("listitem").filter({ hasText: "Orders are ready" })).toContainText("50 of 50 recipients done");
  await accessible(page, "the campaigns");
});

test("a campaign is stopped, goes on where it was, and writes to nobody twice", async ({ page, desk }) => {
  await known(desk);
  await draft(page, list(30), "240");
  await expect(main(page).getByTestId("state")).toHaveText("Draft");
  await button(main(page), "Start").click();
  await button(dialog(page, "Start the campaign?"), "Send to 30 customers").click();
  await expect.poll(() => received(desk).size).toBeGreaterThan(2);
  await button(main(page), "Stop").click();
  await button(dialog(page, "Stop the campaign?"), "Stop it").click();
  await expect(main(page).getByTestId("state")).toHaveText("Stopped");
  await expect(main(page).getByText("A person stopped it.")).toBeVisible();
  expect(received(desk).size).toBeLessThan(30);
  await accessible(page, "a campaign that was stopped");

  await button(main(page), "Add recipients").click();
  const add = dialog(page, "Add recipients");
  await add.locator("input[type=file]").or(page.locator("input[type=file]")).last().setInputFiles(file(list(32)));
  await button(add, "Add").click();
  await expect(add.getByText("2 recipients added.")).toBeVisible();
  await expect(add.getByText("30 were in the campaign already")).toBeVisible();
  await accessible(page, "recipients that were added");
  await add.getByRole("button", { name: "Close" }).last().click();

  await button(main(page), "Go on").click();
  await button(dialog(page, "Start the campaign?"), /^Send to \d+ customers$/).click();
  await expect(main(page).getByTestId("state")).toHaveText("Finished", { timeout: 30_000 });
  const wanted = people(32).map((n) => [phone(n), [`Customer ${n}|A-${n}`]]);
  await expect.poll(() => Object.fromEntries(received(desk))).toEqual(Object.fromEntries(wanted));
});

test("a list that is refused leaves the draft, which can be scheduled, stopped and deleted", async ({ page, desk }) => {
  await known(desk);
  await draft(page, "telephone number;name;order no\r\n+447700910000;Ana;A-0\r\n");
  await expect(main(page).getByText("The draft is created")).toBeVisible();
  await expect(main(page).getByText("The list has no column `phone`")).toBeVisible();
  await main(page).getByRole("link", { name: "Open the campaign" }).click();
  await expect(main(page).getByText("Nobody is in this campaign yet.")).toBeVisible();
  await expect(button(main(page), "Start")).toHaveCount(0);
  await button(main(page), "Add recipients").click();
  const add = dialog(page, "Add recipients");
  await add.getByRole("radio", { name: "Contacts of the number" }).check();
  await add.getByLabel("Wrote in the last … days").fill("30");
  await button(add, "Add").click();
  // The campaign's values name a column that only a list has.
  await expect(add.getByText("contacts have only a name and a phone")).toBeVisible();
  await add.getByRole("radio").first().check();
  await add.locator("input[type=file]").or(page.locator("input[type=file]")).last().setInputFiles(file(list(1)));
  await button(add, "Add").click();
  await expect(add.getByText("1 recipient added.")).toBeVisible();
  await add.getByRole("button", { name: "Close" }).last().click();

  await button(main(page), "Start").click();
  const start = dialog(page, "Start the campaign?");
  await start.getByRole("radio", { name: "At a time" }).check();
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await start.getByLabel("Date and time").fill(`${tomorrow}T09:00`);
  await button(start, "Start at this time").click();
  await expect(main(page).getByTestId("state")).toHaveText("Scheduled");
  await button(main(page), "Stop").click();
  await button(dialog(page, "Stop the campaign?"), "Stop it").click();
  await expect(main(page).getByTestId("state")).toHaveText("Stopped");
  expect(received(desk).size).toBe(0);

  await draft(page, list(2));
  await expect(main(page).getByTestId("state")).toHaveText("Draft");
  await button(main(page), "Delete").click();
  await button(dialog(page, "Delete the campaign “Orders are ready”?"), "Delete").click();
  await expect(page).toHaveURL(/\/campaigns$/);
  await expect(main(page).getByRole("list").getByRole("link", { name: "Orders are ready" })).toHaveCount(1);
});

test("a person writes to a customer first, who agreed to it", async ({ page, desk }) => {
  await known(desk);
  await page.goto("/inbox");
  await button(page, "New conversation").click();
  const begin = dialog(page, "New conversation");
  await expect(begin.getByLabel("Customer's phone number")).toBeFocused();
  await begin.getByLabel("Customer's phone number").fill("07700 900555");
  await begin.getByLabel("Customer's name").fill("Grace Hopper");
  await fillTemplate(begin, "Grace", "A-17");
  await expect(begin.getByRole("region", { name: "Preview" })).toContainText("Dear Grace, order A-17 is ready.");
  await button(begin, "Send").click();
  await expect(begin.getByLabel("Customer's phone number")).toBeFocused();
  await expect(begin.getByLabel("Customer's phone number")).toHaveAttribute("aria-invalid", "true");
  await begin.getByLabel("Customer's phone number").fill("+44 7700 900555");
  await button(begin, "Send").click();
  const agreed = begin.getByLabel("Where did the customer agree to be written to?");
  await expect(agreed).toBeFocused();
  await expect(agreed).toHaveAttribute("aria-invalid", "true");
  await expect(begin.getByText("nobody recorded that they agreed")).toBeVisible();
  await accessible(page, "a new conversation");
  await agreed.fill("Order form, 2 November");
  await button(begin, "Send").dblclick();
  await expect(begin).toHaveCount(0);

  await expect(page).toHaveURL(/\/inbox\/conv_/);
  const thread = page.getByRole("region", { name: "Messages" });
  await expect(thread.locator("[data-message]")).toHaveText(/Dear Grace, order A-17 is ready\./);
  await expect(page.getByTestId("owner")).toHaveText("The bot answers");
  await expect(main(page).getByText("Order form, 2 November")).toBeVisible();
  await expect.poll(() => received(desk).get("447700900555")).toEqual(["Grace|A-17"]);
  await accessible(page, "a conversation that the business began");

  // It is on record now that she agreed; this time a person takes the conversation.
  await button(page, "New conversation").click();
  await begin.getByLabel("Customer's phone number").fill("+44 7700 900555");
  await begin.getByRole("switch", { name: "Take the conversation (the bot stays silent)" }).check();
  await fillTemplate(begin, "Grace", "A-18");
  await button(begin, "Send").click();
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  await expect.poll(() => received(desk).get("447700900555")).toEqual(["Grace|A-17", "Grace|A-18"]);
});

test.describe("without a number that has templates", () => {
  test.use({ kind: "bare" });

  test("what is missing is said", async ({ page }) => {
    await page.goto("/inbox");
    await button(page, "New conversation").click();
    await expect(dialog(page, "New conversation").getByText("No number can write first")).toBeVisible();
    await accessible(page, "no number that can write first");
    await page.goto("/campaigns/new");
    await expect(main(page).getByRole("link", { name: "Open the numbers" })).toHaveAttribute("href", "/numbers");
  });
});
