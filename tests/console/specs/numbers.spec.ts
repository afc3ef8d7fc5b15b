// Numbers: connecting one with the provider's form, validation while typing, and leaving and resuming the setup.
import { Graph } from "../support/graph.js";
import { accessible, expect, test } from "../support/test.js";

const secret = "0123456789abcdef0123456789abcdef";

test.describe("without a number", () => {
  test.use({ kind: "bare" });

  test("a number is connected step by step", async ({ page, desk }) => {
    // Five pages, each checked by axe in both colour schemes: most of a minute on two cores.
    test.setTimeout(180_000);
    await page.goto("/numbers");
    await page.getByRole("link", { name: "Add a number" }).first().click();
    await page.getByTestId("provider-meta").click();
    // The test's desk is at 127.0.0.1.
    await expect(page.getByTestId("local")).toContainText("base_url");
    await accessible(page, "what a number needs");
    await page.getByRole("button", { name: "Continue" }).click();

    await page.getByTestId("field-phone_number_id").fill("+44 7700 900123");
    await expect(page.getByText("looks like the phone number itself")).toBeVisible();
    await page.getByTestId("field-phone_number_id").fill(Graph.number);
    await expect(page.getByText("looks like the phone number itself")).toBeHidden();
    await page.getByRole("button", { name: "Advanced" }).click();
    await page.getByTestId("field-base_url").fill(desk.graph.url);
    await page.getByTestId("field-app_secret").fill(secret);
    await page.getByTestId("field-access_token").fill("another-token");
    await expect(page.getByText("Meta does not know this token")).toBeVisible();
    await page.getByTestId("field-access_token").fill(Graph.token);
    // What Meta says of the number is no warning.
    await expect(page.getByTestId("found")).toContainText("Harbour Books");
    await expect(page.getByTestId("found")).toContainText("quality");
    await expect(page.locator(".mantine-Alert-root", { hasText: "quality" })).toHaveCount(1);
    await page.getByTestId("field-template.name").fill("come_back");
    await page.getByTestId("field-template.language").fill("en_US");
    await accessible(page, "the form of a number");
    await page.getByLabel("Internal name").fill("main");
    await page.getByRole("button", { name: "Save and continue" }).click();

    const handshake = page.getByTestId("handshake");
    await expect(handshake).toContainText("Waiting");
    await expect(page.getByRole("main")).toContainText("smb_message_echoes");
    await expect(page.getByRole("main")).toContainText("subscribed_apps");
    await expect(page.getByRole("main")).not.toContainText("`");
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
    // The setup is left and resumed.
    await page.goto("/numbers");
    await expect(page.getByTestId("number")).toContainText("Set-up not finished");
    await page.getByRole("link", { name: "main" }).click();
    await expect(handshake).toContainText("Waiting");
    const asked = new URLSearchParams({ "hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "42" });
    const answer = await fetch(`${desk.url}/webhooks/meta?${asked}`);
    expect(await answer.text()).toBe("42");
    await expect(handshake).toContainText("Connected");

    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByLabel("Your phone").fill("+44 7700 900456");
    await page.getByRole("button", { name: "Send it" }).click();
    await expect(page.getByTestId("tried")).toContainText("Accepted by");
    // The "+" stays: without it Meta may add the business's own country code.
    expect(desk.graph.sent.at(-1)?.to).toBe("+447700900456");
    await page.getByRole("button", { name: "Finish" }).click();
    await expect(page.getByTestId("number")).toContainText("Ready");
    await page.getByRole("link", { name: "main" }).click();

    await page.getByRole("button", { name: "Delete the number" }).click();
    const asking = page.getByRole("dialog");
    await expect(asking).toContainText("conversations stay");
    await asking.getByRole("button", { name: "Delete the number" }).click();
    await expect(page.getByText("No number yet")).toBeVisible();
    await accessible(page, "no numbers");
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
  await expect(page.getByTestId("number").first()).toContainText("At risk");
  await expect(page.getByTestId("warnings").first()).toContainText(/ban/i);
  await desk.graph.reports("account_update", ban("REINSTATE"));
  await expect(page.getByTestId("warnings")).toHaveCount(0);
});
