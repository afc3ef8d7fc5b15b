// Numbers: connecting one with the provider's form, validation while typing, and leaving and resuming the setup.
import { Graph } from "../support/graph.js";
import { accessible, expect, test } from "../support/test.js";

const secret = "0123456789abcdef0123456789abcdef";

test.describe("without a number", () => {
  test.use({ kind: "bare" });

  test("a number is connected step by step", async ({ page, desk }) => {
    // Six pages, each checked by axe in both colour schemes: most of a minute on two cores.
    test.setTimeout(180_000);
    const main = page.getByRole("main");
    await page.goto("/numbers");
    await page.getByRole("link", { name: "Add a number" }).first().click();
    await page.getByTestId("provider-meta").click();
    await expect(main).toContainText("Step 1 of 5");
    // What is needed, with Meta's own pages in a new tab.
    const business = main.getByRole("link", { name: "Open Meta's business settings" });
    await expect(business).toHaveAttribute("href", /^https:\/\/business\.facebook\.com\//);
    await expect(business).toHaveAttribute("target", "_blank");
    await expect(business).toHaveAttribute("rel", /noopener/);
    await expect(main.getByRole("img", { name: /Create App is marked/ })).toBeVisible();
    // The test's desk is at 127.0.0.1.
    await expect(page.getByTestId("local")).toContainText("base_url");
    await accessible(page, "what a number needs");
    await page.getByRole("button", { name: "Continue" }).click();

    await expect(main).toContainText("Step 2 of 5");
    await expect(main.getByRole("img", { name: /Phone number ID is marked/ })).toBeVisible();
    // A form that is not complete leads to its first gap.
    await page.getByRole("button", { name: "Save and continue" }).click();
    await expect(page.getByTestId("field-phone_number_id")).toBeFocused();
    await page.getByTestId("field-phone_number_id").fill("+44 7700 900123");
    await expect(page.getByText("looks like the phone number itself")).toBeVisible();
    await page.getByTestId("field-phone_number_id").fill(Graph.number);
    await expect(page.getByText("looks like the phone number itself")).toBeHidden();
    await page.getByRole("button", { name: "Advanced" }).click();
    await page.getByTestId("field-base_url").fill(desk.graph.url);
    await page.getByTestId("field-app_secret").fill(secret);
    await page.getByTestId("field-access_token").fill("another-token");
    await expect(page.getByText("Meta does not know this token")).toBeVisible();
    // What was filled in is still there after a look at the step before.
    await page.getByRole("button", { name: "Back", exact: true }).click();
    await expect(main).toContainText("Step 1 of 5");
    await page.goBack();
    await expect(page.getByTestId("field-app_secret")).toHaveValue(secret);
    await expect(page.getByText("Meta does not know this token")).toBeVisible();
    await page.getByTestId("field-access_token").fill(Graph.token);
    // What Meta says of the number is no warning.
    await expect(page.getByTestId("found")).toContainText("Harbour Books");
    await expect(page.getByTestId("found")).toContainText("Quality: good");
    await expect(main.locator("[data-level]")).toHaveCount(0);
    await page.getByTestId("field-template.name").fill("come_back");
    await page.getByTestId("field-template.language").fill("en_US");
    await accessible(page, "the form of a number");
    await page.getByLabel("Internal name").fill("main");
    await page.getByRole("button", { name: "Save and continue" }).click();

    await expect(main).toContainText("Step 3 of 5");
    const handshake = page.getByTestId("handshake");
    await expect(handshake).toContainText("Waiting");
    await expect(main).toContainText("smb_message_echoes");
    await expect(main).toContainText("subscribed_apps");
    await expect(main).not.toContainText("`");
    // A step that is skipped is not ticked, and the last one says what is missing.
    const steps = page.locator(".mantine-Stepper-step");
    await page.getByRole("button", { name: "Continue without it" }).click();
    await expect(steps.nth(1)).toHaveAttribute("data-finished", "true");
    await expect(steps.nth(2)).not.toHaveAttribute("data-finished", "true");
    await expect(page.getByTestId("uncalled")).toContainText("has not called");
    await page.getByTestId("uncalled").getByRole("button").click();
    const copied = page.locator("div").filter({ has: page.getByRole("button", { name: "Copy: Verify token" }) }).last();
    const token = (await copied.locator("code").textContent())?.trim() ?? "";
    await accessible(page, "the callback of a number");
    // The set-up is left and resumed: the number's page says what is missing.
    await page.goto("/numbers");
    await expect(page.getByTestId("number")).toContainText("Set-up not finished");
    await page.getByRole("link", { name: "main" }).click();
    const check = (what: string) => page.locator(`[data-check="${what}"]`);
    await expect(check("callback")).toHaveAttribute("data-done", "false");
    await expect(check("address")).toContainText("127.0.0.1");
    await page.getByRole("link", { name: "Continue set-up" }).click();
    await expect(handshake).toContainText("Waiting");
    const asked = new URLSearchParams({ "hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "42" });
    const answer = await fetch(`${desk.url}/webhooks/meta?${asked}`);
    expect(await answer.text()).toBe("42");
    await expect(handshake).toContainText("Connected");

    await page.getByRole("button", { name: "Continue" }).click();
    await expect(main).toContainText("Step 4 of 5");
    await page.getByLabel("Your phone").fill("+44 7700 900456");
    await page.getByRole("button", { name: "Send it" }).click();
    await expect(page.getByTestId("tried")).toContainText("Accepted by Meta");
    // The "+" stays: without it Meta may add the business's own country code.
    expect(desk.graph.sent.at(-1)?.to).toBe("+447700900456");
    await page.getByRole("button", { name: "Continue" }).click();

    // The end says what is missing, and notices by itself when it is there.
    const finish = page.getByTestId("finish");
    await expect(finish).toContainText("Almost done");
    await expect(check("callback")).toHaveAttribute("data-done", "true");
    await expect(check("sent")).toHaveAttribute("data-done", "true");
    await expect(check("received")).toHaveAttribute("data-done", "false");
    await accessible(page, "the end of the set-up, with something missing");
    desk.graph.secret = secret;
    await desk.graph.customerSays("447700900456", "When do you open?", "Ada");
    await expect(finish).toContainText("Customers who write to \u2066+1 555-078-3881\u2069 are answered by \u2068Harbour Books\u2069.");
    await expect(check("received")).toHaveAttribute("data-done", "true");
    await expect(finish.getByRole("link", { name: /Write to the number/ })).toHaveAttribute("href", "https://wa.me/15550783881");
    await expect(finish.getByRole("link", { name: /Open the inbox/ })).toHaveAttribute("href", "/inbox");
    await expect(finish.getByRole("link", { name: /Try the agent/ })).toHaveAttribute("href", "/sandbox?agent=shop");
    await accessible(page, "the end of the set-up");
    await finish.getByRole("link", { name: "Done", exact: true }).click();
    await expect(page.getByTestId("number")).toContainText("Ready");
    await page.getByRole("link", { name: "main" }).click();
    // A number that is set up has no list of what is missing.
    await expect(page.getByTestId("check")).toBeVisible();
    await expect(page.getByTestId("checklist")).toHaveCount(0);

    // Asked again, Meta's answer is told apart: a rating that falls is a warning, a refused key an error.
    const ask = page.getByRole("button", { name: /^Check with/ });
    const levels = page.getByTestId("check").locator("[data-level]");
    await ask.click();
    await expect(page.getByTestId("found")).toContainText("Quality: good");
    await expect(levels).toHaveCount(0);
    desk.graph.quality = "YELLOW";
    await ask.click();
    await expect(levels).toHaveAttribute("data-level", "warning");
    await expect(levels).toContainText("still answered");
    desk.graph.quality = "PURPLE";
    await ask.click();
    await expect(levels).toHaveAttribute("data-level", "info");
    await expect(levels).toContainText("PURPLE");
    desk.graph.token = "renewed";
    await ask.click();
    await expect(levels).toHaveAttribute("data-level", "error");
    await expect(levels).toContainText("Meta does not know this token");
    await expect(levels.getByRole("link", { name: /system users/ })).toBeVisible();
    await accessible(page, "a number whose token is refused");

    // The same number is not added again, and says so beside its field.
    await page.goto("/numbers/add?provider=meta&step=fields");
    await page.getByTestId("field-phone_number_id").fill(Graph.number);
    await expect(main.getByText("it is called main")).toBeVisible();
    await page.getByLabel("Internal name").fill("main");
    await expect(main.getByText("already have a number with this name")).toBeVisible();
    await page.goto("/numbers");
    await page.getByRole("link", { name: "main" }).click();

    await page.getByRole("button", { name: "Delete the number" }).click();
    const asking = page.getByRole("dialog");
    await expect(asking).toContainText("conversations stay");
    await asking.getByRole("button", { name: "Delete the number" }).click();
    await expect(page.getByText("No number yet")).toBeVisible();
    await accessible(page, "no numbers");
  });
});

test.describe("with a number of the console", () => {
  test.use({ kind: "bare" });

  test("the fallback template is chosen among those that can stand for a message", async ({ page, desk }) => {
    const approved = { language: "en_US", status: "APPROVED", category: "UTILITY" };
    const body = (text: string) => [{ type: "BODY", text }];
    desk.graph.templates = [
      { ...approved, id: "1", name: "come_back", components: body("News for you: {{1}} Bye.") },
      { ...approved, id: "2", name: "plain", components: body("Write to us.") },
      { ...approved, id: "3", name: "order", components: body("Hello {{1}}, your {{2}} is here.") },
      { ...approved, id: "4", name: "sale", status: "REJECTED", components: body("Sale.") },
    ];
    const fields = {
      phone_number_id: Graph.number,
      account_id: Graph.account,
      access_token: Graph.token,
      app_secret: secret,
      verify_token: "a-verify-token-of-mine",
      base_url: desk.graph.url,
      "template.name": "order",
      "template.language": "en_US",
      "template.with_text": "true",
    };
    const [agent] = await desk.api<{ slug: string }[]>("/agents");
    const number = { slug: "main", provider: "meta", agent: agent?.slug, fields };
    const { id } = await desk.api<{ id: string }>("/numbers", { method: "POST", body: JSON.stringify(number) });
    await desk.api(`/numbers/${id}/templates/sync`, { method: "POST" });
    await page.goto(`/numbers/${id}`);
    const warning = page.locator("[data-level=warning]");
    await expect(warning).toContainText("The fallback template cannot be sent: order");
    await expect(warning).toContainText("values that the message does not fill");
    await page.getByRole("button", { name: "Fields" }).click();
    await expect(page.getByTestId("field-template.name")).toBeHidden();
    const choice = page.getByRole("combobox", { name: "Fallback template" });
    await choice.click();
    await expect(page.getByRole("option")).toHaveText([/^order/, /^come_back/, /^plain/]);
    await page.getByRole("option", { name: /^come_back/ }).click();
    await page.getByRole("button", { name: "Save changes" }).click();
    await expect(warning).toHaveCount(0);
    const saved = await desk.api<{ fields: Record<string, string> }>(`/numbers/${id}`);
    expect(saved.fields).toMatchObject({ "template.name": "come_back", "template.with_text": "true" });
    await accessible(page, "a number's fallback template");
    desk.graph.secret = secret;
    await desk.graph.reports("message_template_status_update", {
      event: "PAUSED",
      message_template_name: "come_back",
      message_template_language: "en_US",
    });
    await expect(warning.filter({ hasText: "The fallback template cannot be sent: come_back" })).toContainText("paused");
  });
});

test.describe("without Meta", () => {
  test.use({ kind: "bare" });

  test("a practice number is added, and fills the inbox", async ({ page }) => {
    await page.route("**/api/v1/agents", () => {});
    await page.goto("/numbers/add");
    await page.getByTestId("provider-sandbox").click();
    await page.getByTestId("field-id").fill("practice");
    await page.getByTestId("field-secret").fill("a-secret-of-mine");
    await page.getByLabel("Internal name").fill("practice");
    // Saving waits for the agents: the only one is chosen by itself.
    const save = page.getByRole("button", { name: "Save and continue" });
    await expect(save).toBeDisabled();
    // It lets the held requests go on, too.
    await page.unroute("**/api/v1/agents");
    await save.click();
    await page.getByLabel("The customer's phone").fill("+44 7700 900123");
    await page.getByLabel("Text", { exact: true }).fill("When do you open?");
    await page.getByRole("button", { name: "Send it" }).click();
    await expect(page.getByTestId("tried")).toContainText("in the inbox");
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await expect(page.getByTestId("finish")).toContainText("sent to nobody");
    await page.getByRole("button", { name: "Callback" }).click();
    await expect(page.getByRole("main")).toContainText("curl");
    await page.goto("/inbox");
    // The list shows the question, or the answer that came meanwhile: the conversation has both.
    await page.getByRole("navigation", { name: "Conversations" }).getByText("447700900123").click();
    const messages = page.getByRole("region", { name: "Messages" });
    await expect(messages).toContainText("When do you open?");
    await expect(messages).toContainText("We open at nine.");
  });
});

test("a number of the configuration file is shown, and changed there", async ({ page }) => {
  await page.goto("/numbers");
  await expect(page.getByTestId("number")).toContainText("Configuration file");
  await page.getByRole("link", { name: "main" }).click();
  await expect(page.getByText("set up in the configuration file")).toBeVisible();
  await expect(page.getByRole("button", { name: "Delete the number" })).toBeHidden();
  await accessible(page, "a number of the file");
});

test("an alert says what happened and what to do, and the number is at risk until it is over", async ({ page, desk }) => {
  await page.goto("/settings/alerts");
  await expect(page.getByText("No alerts")).toBeVisible();
  const template = { message_template_name: "come_back", message_template_language: "en_US" };
  await desk.graph.reports("message_template_status_update", { event: "PAUSED", ...template });
  const alert = page.getByTestId("alert");
  await expect(alert).toContainText("A template cannot be used");
  await expect(alert).toContainText("come_back");
  await expect(alert).toContainText("choose another one");
  await accessible(page, "alerts");
  // The template is not the number's own; a ban of the account concerns it.
  const ban = (state: string) => ({ event: "DISABLED_UPDATE", ban_info: { waba_ban_state: state } });
  await desk.graph.reports("account_update", ban("DISABLE"));
  await page.goto("/numbers");
  await expect(page.getByTestId("number").first()).toContainText("Not working");
  await expect(page.getByTestId("warnings").first()).toContainText(/ban/i);
  // What stops the number stands before what only needs attention, each with what it means and where it is solved.
  await desk.graph.reports("phone_number_quality_update", { event: "FLAGGED", current_limit: "TIER_250" });
  await page.getByRole("link", { name: "main" }).click();
  const levels = page.getByTestId("warnings").locator("[data-level]");
  await expect(levels).toHaveCount(2);
  await expect(levels.nth(0)).toHaveAttribute("data-level", "error");
  await expect(levels.nth(0)).toContainText("Customers get no answer");
  await expect(levels.nth(0).getByRole("link", { name: /Business Support Home/ })).toHaveAttribute("rel", /noopener/);
  await expect(levels.nth(1)).toHaveAttribute("data-level", "warning");
  await expect(levels.nth(1)).toContainText("Also needs attention");
  await expect(levels.nth(1)).toContainText("TIER_250");
  await expect(levels.nth(1)).not.toContainText("still answered");
  await accessible(page, "a number that is banned");
  await desk.graph.reports("account_update", ban("REINSTATE"));
  await page.reload();
  await expect(levels).toHaveAttribute("data-level", "warning");
  await expect(levels).toContainText("Works, but needs attention");
  await expect(levels).toContainText("still answered");
  await desk.graph.reports("phone_number_quality_update", { event: "UNFLAGGED" });
  await page.goto("/numbers");
  await expect(page.getByTestId("warnings")).toHaveCount(0);
});

test("a restriction stops a number, and its page says until when, with its quality, its limit and its history", async ({ page, desk }) => {
  // The first message tells the number's account and phone.
  await desk.graph.customerSays("447700900021", "When do you open?", "Ada Lovelace");
  await expect.poll(() => desk.graph.sent.length).toBe(1);
  const phone = { display_phone_number: "15550783881" };
  await desk.graph.reports("phone_number_quality_update", { event: "FLAGGED", current_limit: "TIER_2K", ...phone });
  const restriction = (all: object[]) => ({ event: "ACCOUNT_RESTRICTION", restriction_info: all });
  const expiration = Math.floor(Date.now() / 1000) + 86_400;
  const forbidden = { restriction_type: "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", expiration };
  await desk.graph.reports("account_update", restriction([forbidden]));
  await page.goto("/numbers");
  const row = page.getByTestId("number").first();
  await expect(row).toContainText("Stopped");
  await expect(row).toContainText("forbids this number to send until");
  await expect(row).toContainText("quality: Low · May write first to 2,000 customers in 24 hours");
  await page.getByRole("link", { name: "main" }).click();
  const facts = page.getByRole("region", { name: "About this number" });
  await expect(facts).toContainText("2,000 customers in 24 hours");
  await expect(facts).toContainText("May not send until");
  await page.getByRole("button", { name: "What WhatsApp reported" }).click();
  const history = page.getByTestId("history").getByRole("listitem");
  await expect(history).toHaveCount(2);
  await expect(history.nth(0)).toContainText("The account is restricted");
  await expect(history.nth(1)).toContainText("The number's quality fell");
  await accessible(page, "a number that may not send");
  await desk.graph.customerSays("447700900021", "Are you there?");
  await desk.graph.reports("account_update", restriction([]));
  // The open page follows, and what waited is sent.
  await expect(facts).not.toContainText("May not send");
  await expect.poll(() => desk.graph.sent.length).toBe(2);
});

test("the bot is paused on a number, and answers again", async ({ page, desk }) => {
  const [ada, ben] = ["447700900471", "447700900472"];
  const to = (customer: string) => desk.graph.sent.filter((sent) => sent.to.endsWith(customer));
  await page.goto("/numbers");
  await page.getByRole("link", { name: "main", exact: true }).click();
  await page.getByRole("button", { name: "Pause the bot" }).click();
  const dialog = page.getByRole("dialog", { name: "Pause the bot on this number?" });
  await accessible(page, "before the bot is paused");
  await dialog.getByRole("button", { name: "Pause the bot" }).click();
  const main = page.getByRole("main");
  await expect(main.getByText("The bot is paused", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Pause the bot" })).toBeHidden();
  await accessible(page, "a number on which the bot is paused");
  await desk.graph.customerSays(ada, "When do you open?", "Ada");
  await page.goto("/inbox");
  const row = page.getByRole("link", { name: /Ada/ }).first();
  await row.click();
  await expect(page.getByText("The customer wrote while the bot was paused on this number").first()).toBeVisible();
  expect(to(ada)).toEqual([]);

  await page.goto("/numbers");
  await expect(page.getByTestId("number").first()).toContainText("Bot paused");
  await page.getByRole("link", { name: "main", exact: true }).click();
  await page.getByRole("button", { name: "Let the bot answer" }).click();
  await expect(main.getByText("The bot is paused", { exact: true })).toBeHidden();
  await desk.graph.customerSays(ben, "When do you open?", "Ben");
  await expect.poll(() => to(ben).length).toBeGreaterThan(0);
  expect(to(ada)).toEqual([]);
});
