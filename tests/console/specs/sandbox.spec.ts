// The sandbox: asking, editing, comparing, publishing and rolling back.
import type { Page } from "@playwright/test";
import { accessible, expect, type Schemas, test } from "../support/test.js";

const message = (page: Page) => page.getByRole("textbox", { name: "Message", exact: true });
const prompt = (page: Page) => page.getByRole("textbox", { name: "System prompt" });
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

async function say(page: Page, text: string) {
  await message(page).fill(text);
  await message(page).press("Enter");
}

/** Types at the end of the system prompt. */
async function write(page: Page, text: string) {
  await prompt(page).click();
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.type(text);
}

test("a question is answered word by word, with why", async ({ page, desk }) => {
  desk.model.answer = () => "The shop opens at *nine* in the morning [1]. It closes at six [1]. On Sundays the shop is closed [1].";
  let goOn = () => {};
  desk.model.half = new Promise((next) => {
    goOn = next;
  });
  await page.goto("/sandbox?ask=When%20do%20you%20open%3F");
  await expect(page.locator("[data-state=writing]")).toContainText("The shop opens");
  goOn();
  await expect(page.getByText("When do you open?")).toBeVisible();
  await expect(page.getByTestId("spoken")).toContainText("The bot replied: The shop opens at nine in the morning");
  // The colours are the inbox's.
  const look = (text: string) => page.getByText(text).locator("xpath=ancestor-or-self::div[1]");
  const colour = (name: string) =>
    page.evaluate((name) => {
      const one = document.body.appendChild(document.createElement("i"));
      one.style.background = `var(${name})`;
      const { backgroundColor } = getComputedStyle(one);
      one.remove();
      return backgroundColor;
    }, name);
  await expect(look("The shop opens at").first()).toHaveCSS("background-color", await colour("--bot-soft"));
  await expect(look("When do you open?").first()).toHaveCSS("background-color", await colour("--customer-soft"));
  // The question is asked once, however often the page is opened.
  expect(page.url()).not.toContain("ask=");
  expect(desk.model.chats.length).toBe(1);
  await page.getByRole("button", { name: /^Why this answer: fake-model/ }).click();
  const why = page.getByRole("region", { name: "Why this answer" });
  await expect(why.getByTestId("account")).toHaveText("The model wrote this answer from 1 passage of your documents.");
  await expect(why.getByTestId("source").locator("blockquote p")).toHaveText([
    "The shop opens at nine in the morning and closes at six.",
    "On Sundays it is closed.",
  ]);
  await accessible(page, "the sandbox with what an answer rests on");
  await why.getByRole("button", { name: /^Details/ }).click();
  await expect(why).toContainText("2 hand-off rules were tried, none fired.");
  await expect(why).toContainText("coverage");
  await why.getByRole("button", { name: /Instructions/ }).click();
  await expect(why).toContainText("You answer customers of Harbour Books, a bookshop.");
  await accessible(page, "the sandbox with a trace");
  // The next message is sent with the history.
  await say(page, "And on Sundays?");
  await expect.poll(() => desk.model.chats.length).toBeGreaterThan(1);
  const told = desk.model.chats.at(-1)?.messages.map(({ content }) => content) ?? [];
  expect(told.some((text) => text.includes("When do you open?"))).toBe(true);
});

test("a conversation outlives a reload, half a reply does not count as one, and starting over forgets it", async ({ page, desk }) => {
  desk.model.answer = () => "We open at nine [1].";
  await page.goto("/sandbox");
  await say(page, "When do you open?");
  await expect(page.getByText("We open at nine", { exact: false }).first()).toBeVisible();
  desk.model.answer = () => "word ".repeat(200);
  desk.model.pause = 50;
  await say(page, "And on Sundays?");
  await expect(page.locator("[data-state=writing]")).toContainText("word");
  await page.reload();
  await expect(page.getByText("We open at nine", { exact: false }).first()).toBeVisible();
  await expect(page.getByText("Stopped before it was done.")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Why this answer/ })).toHaveCount(1);
  desk.model.answer = () => "Closed on Sundays [1].";
  desk.model.pause = 0;
  await button(page, "Send again").click();
  await expect(page.getByText("Closed on Sundays", { exact: false }).first()).toBeVisible();
  const told = desk.model.chats.at(-1)?.messages.map(({ content }) => content) ?? [];
  expect(told.some((text) => text.includes("When do you open?"))).toBe(true);
  await button(page, "New chat").click();
  await page.reload();
  await expect(page.getByText("Write as a customer would")).toBeVisible();
});

test("stopping, a hand-off, and a model that does not answer", async ({ page, desk }) => {
  await page.goto("/sandbox");
  desk.model.answer = () => "word ".repeat(200);
  desk.model.pause = 50;
  await say(page, "When do you open?");
  await expect(page.locator("[data-state=writing]")).toContainText("word");
  await button(page, "Stop").click();
  await expect(page.getByText("Stopped before it was done.")).toBeVisible();
  await say(page, "I want to speak to a human");
  await expect(page.getByText("Hand-off to a person")).toBeVisible();
  await expect(page.getByText("A colleague will answer you here.").first()).toBeVisible();
  await desk.halt();
  await say(page, "When do you open?");
  await expect(page.getByText("The server does not answer.", { exact: false })).toBeVisible();
});

test("after a hand-off the bot is silent until somebody resolves it, and a STOP is obeyed", async ({ page, desk }) => {
  desk.model.answer = () => "We open at nine [1].";
  await page.goto("/sandbox");
  await say(page, "I want to speak to a human");
  await expect(page.getByText("Hand-off to a person")).toBeVisible();
  const asked = desk.model.chats.length;
  await say(page, "When do you open?");
  await expect(page.getByText("A person has the conversation.")).toBeVisible();
  expect(desk.model.chats.length).toBe(asked);
  await accessible(page, "a conversation with a person");
  await button(page, "Resolve").click();
  await expect(button(page, "Resolve")).toBeHidden();
  await say(page, "When do you open?");
  await expect(page.getByText("We open at nine", { exact: false }).first()).toBeVisible();
  await say(page, "STOP");
  await expect(page.getByText("The customer gets no more messages.")).toBeVisible();
  await say(page, "And on Sundays?");
  await expect(page.getByText("The customer opted out.")).toBeVisible();
  await say(page, "START");
  await expect(page.getByText("The customer is answered again.")).toBeVisible();
});

test("a prompt is checked as it is typed, and a draft outlives the page", async ({ page }) => {
  await page.goto("/sandbox");
  await write(page, "Greet {{ nobody }}.");
  await expect(page.getByText("nobody", { exact: false }).last()).toBeVisible();
  await expect(page.locator(".cm-wrong")).toBeVisible();
  await expect(button(page, "Publish")).toBeDisabled();
  for (let at = 0; at < "{{ nobody }}.".length; at++) await page.keyboard.press("Backspace");
  await page.keyboard.type("everybody. Be warm.");
  await expect(page.getByText("This can be published.")).toBeVisible();
  await expect(page.getByText("Unpublished changes")).toBeVisible();
  await page.reload();
  await expect(prompt(page)).toContainText("Be warm.");
});

test("a prompt is written while its editor is on its way, and where it never arrives", async ({ page }) => {
  let go = () => {};
  let held = new Promise<void>((next) => {
    go = next;
  });
  let reachable = false;
  await page.route("**/assets/editor-*.js", async (route) => {
    await held;
    await (reachable ? route.continue() : route.abort());
  });
  await page.goto("/sandbox");
  const editor = page.locator(".cm-content");
  await prompt(page).focus();
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.type("Be warm ");
  go();
  await page.keyboard.type("and short. ");
  await expect(page.getByText("Unpublished changes")).toBeVisible();
  await expect(prompt(page)).toHaveValue(/Be warm and short\. $/);
  await page.getByRole("button", { name: /^Insert contact/ }).click();
  await expect(prompt(page)).toHaveValue(/short\. \{\{ contact \}\}$/);
  await expect(editor).toHaveCount(0);
  // Another time it arrives late: cursor, focus and text go on from where they were.
  reachable = true;
  held = new Promise<void>((next) => {
    go = next;
  });
  await page.reload();
  await prompt(page).focus();
  await page.keyboard.press("ControlOrMeta+End");
  await page.keyboard.type(" Never");
  go();
  await expect(editor).toBeFocused();
  await page.keyboard.type(" lie.");
  await expect(editor).toContainText("Be warm and short. {{ contact }} Never lie.");
  await expect(page.locator("textarea[aria-label='System prompt']")).toHaveCount(0);
});

test("two tabs keep their own drafts, and a new one starts from the last saved", async ({ page, context }) => {
  const second = await context.newPage();
  await page.goto("/sandbox");
  await second.goto("/sandbox");
  await write(page, "Be warm.");
  await write(second, "Be brief.");
  await expect(second.getByText("Unpublished changes")).toBeVisible();
  for (const [tab, own, other] of [[page, "Be warm.", "Be brief."], [second, "Be brief.", "Be warm."]] as const) {
    await tab.reload();
    await expect(prompt(tab)).toContainText(own);
    await expect(prompt(tab)).not.toContainText(other);
  }
  await second.close();
  const third = await context.newPage();
  await third.goto("/sandbox");
  await expect(prompt(third)).toContainText("Be brief.");
  await button(third, "More for this agent").click();
  await third.getByRole("menuitem", { name: "Discard changes" }).click();
  await button(third, "Discard").click();
  await expect(prompt(third)).not.toContainText("Be brief.");
  await expect(prompt(page)).toContainText("Be warm.");
});

test("a prompt is edited, compared, published, and rolled back", async ({ page, desk }) => {
  desk.model.answer = ({ messages }) =>
    messages[0]?.content.includes("Be warm") ? "Dear friend, we open at nine [1]." : "We open at nine [1].";
  await page.goto("/sandbox");
  await write(page, "Be warm.");
  await button(page, "Compare").click();
  await say(page, "When do you open?");
  await expect(page.locator("ins", { hasText: "Dear friend" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Side by side" })).toContainText("Time");
  await accessible(page, "a comparison");

  await button(page, "Publish").click();
  const dialog = page.getByRole("dialog", { name: "Publish the draft" });
  await expect(dialog.locator("ins", { hasText: "Be warm." })).toBeVisible();
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.getByText("Version 2 answers customers now")).toBeVisible();
  await expect(page.getByText("Unpublished changes")).toBeHidden();
  expect((await desk.api<Schemas["Agent"]>("/agents/shop")).source).toContain("Be warm.");

  await button(page, "Version history").click();
  await page.getByRole("button", { name: /^Version 1 / }).click();
  await page.getByRole("button", { name: "Roll back to this" }).click();
  const back = page.getByRole("dialog", { name: "Roll back to version 1" });
  await expect(back.getByRole("list", { name: "In words" })).toBeVisible();
  // A version keeps its first note.
  await expect(back.getByLabel("What changed, and why")).toHaveCount(0);
  await back.getByRole("button", { name: "Roll back to version 1" }).click();
  await expect(back).toBeHidden();
  expect((await desk.api<Schemas["Agent"]>("/agents/shop")).source).not.toContain("Be warm.");
});

test("settings change the file and nothing else of it; a draft is thrown away", async ({ page, desk }) => {
  await page.goto("/sandbox");
  await page.getByRole("main").getByText("Settings", { exact: true }).click();
  await page.getByLabel("Hand-off words").first().fill("lawyer");
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "Greeting" }).fill("Good day.");
  await page.getByLabel("Minutes of silence until the bot asks").fill("240");
  await page.getByRole("textbox", { name: "What silent customers are asked" }).fill("Did that help?");
  await page.getByLabel("Minutes of silence until the conversation is closed").fill("1200");
  await page.getByText("Whole file", { exact: true }).click();
  const file = page.getByRole("textbox", { name: "Prompt file" });
  await expect(file).toContainText("keywords: [human, refund, lawyer]");
  await expect(file).toContainText("after_minutes: 240");
  await expect(file).toContainText("text: Did that help?");
  await expect(file).toContainText("close_minutes: 1200");
  await expect(file).toContainText("voice: { transcribe: true }");
  await expect(file).toContainText("greeting: Good day.");
  await say(page, "I need a lawyer");
  await expect(page.getByText("Hand-off to a person")).toBeVisible();
  await button(page, "More for this agent").click();
  await page.getByRole("menuitem", { name: "Discard changes" }).click();
  await button(page, "Discard").click();
  await expect(page.getByText("Unpublished changes")).toBeHidden();
  await expect(file).not.toContainText("lawyer");
  expect((await desk.api<Schemas["Agent"]>("/agents/shop")).version).toBe(1);
});

test("what a version changes is said in words, with a note for those who look later", async ({ page, desk }) => {
  await page.goto("/sandbox");
  await page.getByRole("main").getByText("Settings", { exact: true }).click();
  await page.getByLabel("Hand-off words").first().fill("lawyer");
  await page.keyboard.press("Enter");
  await page.getByRole("switch", { name: "Understand voice notes" }).click();
  await button(page, "Publish").click();
  const dialog = page.getByRole("dialog", { name: "Publish the draft" });
  const changes = dialog.getByRole("list", { name: "In words" }).getByRole("listitem");
  await expect(changes).toHaveText(["Understand voice notes: on → off", "Hand-off words: added “\u2068lawyer\u2069”"]);
  await dialog.getByLabel("What changed, and why").fill("Lawyers want a person");
  await accessible(page, "publishing");
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await expect(dialog).toBeHidden();
  expect((await desk.api<Schemas["Version"]>("/agents/shop/versions/2")).note).toBe("Lawyers want a person");

  await button(page, "Version history").click();
  const second = page.getByRole("button", { name: /^Version 2 / });
  await expect(second).toContainText("Lawyers want a person");
  // Who published it: this browser's session, and before it the file.
  await expect(second).toContainText(/a browser \(\w+\)/);
  await expect(page.getByRole("button", { name: /^Version 1 / })).toContainText("a prompt file");
  await second.click();
  await expect(page.getByRole("list", { name: "In words" })).toContainText("Hand-off words: added “\u2068lawyer\u2069”");
});

test("a voice note is recorded, heard and answered", async ({ page, desk }) => {
  desk.model.answer = () => "On Sundays it is closed [1].";
  await page.goto("/sandbox");
  await button(page, "Record a voice note").click();
  await expect(page.getByRole("timer")).toHaveText("0:01");
  await button(page, "Done, use this recording").click();
  await button(page, "Send").click();
  await expect(page.getByText("Hello, when do you open on Sundays?").first()).toBeVisible();
  await expect(page.getByText("On Sundays it is closed", { exact: false }).first()).toBeVisible();
});

test("a reply is saved as a case in two clicks, and can be run", async ({ page, desk }) => {
  await page.goto("/sandbox");
  await say(page, "When do you open?");
  await button(page, "Save as an eval case").click();
  await button(page, "Save").click();
  await expect(page.getByText("Saved in saved-shop.yaml", { exact: false })).toBeVisible();
  expect(desk.read("eval/suites/saved-shop.yaml")).toContain("When do you open?");
  await page.getByRole("link", { name: "Open the evals" }).click();
  await expect(page).toHaveURL(/\/evals\?suite=saved-shop\.yaml/);
});

test("a suite runs on the draft, those that test its agent first", async ({ page, desk }) => {
  desk.model.answer = () => "We open at nine [1].";
  const other = desk.read("eval/suites/basics.yaml").replace("frontdesk:shop", "frontdesk:cafe");
  desk.write("eval/suites/a-cafe.yaml", other.replace("The basics", "The café"));
  await page.goto("/sandbox");
  await write(page, " Be brief.");
  await button(page, "More for this agent").click();
  await page.getByRole("menuitem", { name: "Run a suite on this draft" }).click();
  const form = page.getByRole("dialog", { name: "Run a suite" });
  await expect(form.getByRole("combobox", { name: "Suite" })).toHaveValue("The basics (basics.yaml)");
  await expect(form.getByRole("combobox", { name: "Version" })).toHaveValue("This draft");
  await accessible(page, "running a suite on the draft");
  // A suite of another agent is not changed by the draft.
  await form.getByRole("combobox", { name: "Suite" }).click();
  await page.getByRole("option", { name: /The café/ }).click();
  await expect(form.getByText("This suite asks cafe")).toBeVisible();
  await form.getByRole("combobox", { name: "Suite" }).click();
  await page.getByRole("option", { name: /The basics/ }).click();
  await form.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page).toHaveURL(/\/evals\/run_/);
  await expect(page.getByRole("main").getByText("a draft of Harbour Books")).toBeVisible();
  expect(desk.model.chats.some(({ messages }) => messages.some(({ content }) => content.includes("Be brief.")))).toBe(true);
});

test("a prompt is written from a description, into the draft alone", async ({ page, desk }) => {
  const file = "---\nname: Tide Books\nknowledge: [shop]\n---\nYou answer customers of {{ agent }} warmly.\n";
  desk.model.answer = () => file;
  await page.goto("/sandbox");
  await button(page, "More for this agent").click();
  await page.getByRole("menuitem", { name: "Write a prompt from a description" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText(/left today/)).toBeVisible();
  await dialog.getByRole("textbox", { name: "The business" }).fill("A bookshop by the sea. Answer about orders and hours.");
  await dialog.getByRole("button", { name: "Write it" }).click();
  await expect(page.getByText("The new prompt is in the draft. Nothing is published.")).toBeVisible();
  await expect(prompt(page)).toContainText("warmly");
  expect((await desk.api<Schemas["Agent"]>("/agents/shop")).version).toBe(1);
});

test("a new agent is made and asked", async ({ page }) => {
  await page.goto("/sandbox");
  await button(page, "More for this agent").click();
  await page.getByRole("menuitem", { name: "New agent" }).click();
  const dialog = page.getByRole("dialog", { name: "New agent" });
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("Café Tide");
  await expect(dialog.getByRole("textbox", { name: "Short name" })).toHaveValue("cafe-tide");
  await dialog.getByRole("button", { name: "Create agent" }).click();
  await expect(page).toHaveURL(/agent=cafe-tide/);
  await expect(prompt(page)).toContainText("You answer customers of {{ agent }}");
});

test("an agent is chosen by its name, with the short name below it", async ({ page, desk }) => {
  const source = "---\nname: Tide Records\n---\nYou are a clerk.\n";
  await desk.api("/agents", { method: "POST", body: JSON.stringify({ slug: "vinyl", source }) });
  await page.goto("/sandbox?agent=shop");
  const choice = page.getByRole("combobox", { name: "Agent" });
  await expect(choice).toHaveValue("Harbour Books");
  await choice.click();
  await expect(page.getByRole("option")).toHaveCount(2);
  await page.getByRole("option", { name: "Tide Records vinyl" }).click();
  await expect(page).toHaveURL(/agent=vinyl/);
  await expect(choice).toHaveValue("Tide Records");
});

test("an agent is renamed and deleted; one that a number uses stays", async ({ page, desk }) => {
  const source = "---\nname: Tide\n---\nYou are a clerk.\n";
  await desk.api("/agents", { method: "POST", body: JSON.stringify({ slug: "tide", source }) });
  // The live event that tells of the new name may come before the response.
  await page.route("**/api/v1/agents/tide", async (route) => {
    if (route.request().method() !== "PATCH") return route.fallback();
    const response = await route.fetch();
    await expect(page.getByText("There is no agent called tide.")).toBeVisible();
    await route.fulfill({ response });
  });
  await page.goto("/sandbox?agent=tide");
  await button(page, "More for this agent").click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const dialog = page.getByRole("dialog", { name: "Rename tide" });
  await dialog.getByRole("textbox", { name: "Short name" }).fill("shop");
  await expect(button(page, "Rename")).toBeDisabled();
  await dialog.getByRole("textbox", { name: "Short name" }).fill("ebb");
  await accessible(page, "renaming an agent");
  await dialog.getByRole("button", { name: "Rename" }).click();
  await expect(page).toHaveURL(/agent=ebb/);
  await expect(prompt(page)).toContainText("You are a clerk.");

  await button(page, "More for this agent").click();
  await page.getByRole("menuitem", { name: "Delete the agent" }).click();
  await page.getByRole("dialog", { name: "Delete Tide (ebb)?" }).getByRole("button", { name: "Delete the agent" }).click();
  await expect(page.getByText("Tide (ebb) is deleted")).toBeVisible();
  expect((await desk.api<Schemas["Agent"][]>("/agents")).map(({ slug }) => slug)).toEqual(["shop"]);

  await page.goto("/sandbox?agent=shop");
  await button(page, "More for this agent").click();
  await page.getByRole("menuitem", { name: "Delete the agent" }).click();
  await page.getByRole("dialog", { name: "Delete Harbour Books (shop)?" }).getByRole("button", { name: "Delete the agent" }).click();
  await expect(page.getByText("answers on these numbers: main", { exact: false })).toBeVisible();
});

test.describe("the demo", () => {
  test.use({ kind: "demo" });

  test("says what to ask, on a phone, too", async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto("/sandbox");
    await page.getByRole("button", { name: "When are you open on Sundays?" }).click();
    await expect(page.getByTestId("spoken")).toContainText("The bot replied:");
    await page.getByText("Agent", { exact: true }).click();
    await expect(prompt(page)).toBeVisible();
    await accessible(page, "the agent on a phone");
  });
});

test.describe("without a model", () => {
  test.use({ kind: "modelless" });

  test("it is said that the prompt does not change what is quoted, with the way to a model", async ({ page }) => {
    await page.goto("/sandbox");
    await expect(page.getByText("Answers are quoted from the documents", { exact: false })).toHaveCount(1);
    const agent = page.getByRole("region", { name: "Agent" });
    await expect(agent.getByRole("note")).toContainText("The system prompt does not change its answers until a model is chosen.");
    await accessible(page, "the sandbox without a model");
    await agent.getByRole("link", { name: "Choose a model" }).click();
    await expect(page).toHaveURL(/\/settings\/models$/);
  });
});
