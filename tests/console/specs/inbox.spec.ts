// The inbox: customers' messages appear at once, a person takes over, answers and hands back, and nothing is sent
// twice.
import type { Locator, Page } from "@playwright/test";
import { accessible, type Desk, expect, type Schemas, test } from "../support/test.js";

const ada = "447700900001";
const grace = "447700900002";

const rows = (page: Page) => page.locator("nav [data-id]");
const row = (page: Page, name: string) => rows(page).filter({ hasText: name });
const thread = (page: Page) => page.getByRole("region", { name: "Messages" });
const composer = (page: Page) => page.getByRole("textbox", { name: /^Message to/ });
const said = (page: Page, text: string) => thread(page).locator("li", { hasText: text });
const toAda = (desk: Desk) => desk.graph.sent.filter(({ to }) => to.endsWith(ada));

/** A customer writes and the bot answers. */
async function talked(desk: Desk, from = ada, name = "Ada Lovelace") {
  const before = desk.graph.sent.length;
  await desk.graph.customerSays(from, "When do you open?", name);
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThan(before);
}

async function open(page: Page, name = "Ada Lovelace") {
  await page.goto("/inbox");
  await row(page, name).click();
  await expect(page.getByRole("heading", { level: 2, name })).toBeVisible();
  await expect(thread(page).locator("[data-message]").first()).toBeVisible();
}

/** Something that waits until it is ended. */
function held() {
  let end = () => {};
  const until = new Promise<void>((done) => {
    end = done;
  });
  return { until, end: () => end() };
}

async function write(page: Page, text: string) {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

test("a person takes a conversation over, answers while the bot is silent, and hands it back", async ({ page, desk }) => {
  await talked(desk, grace, "Grace Hopper");
  await page.goto("/inbox");
  await expect(row(page, "Grace Hopper")).toBeVisible();
  await desk.graph.customerSays(ada, "When do you open?", "Ada Lovelace");
  await expect(row(page, "Ada Lovelace")).toBeVisible({ timeout: 1_000 });
  await expect(rows(page).first()).toContainText("Ada Lovelace");
  await expect(page, "the bot answers: nobody waits for a person").toHaveTitle(/^Inbox/);

  await row(page, "Ada Lovelace").click();
  await expect(said(page, "We open at nine")).toHaveAttribute("data-author", "bot");
  await page.getByRole("button", { name: "Take over" }).click();
  await expect(page.getByTestId("owner")).toHaveText("A person answers");

  const chats = desk.model.chats.length;
  await desk.graph.customerSays(ada, "Is anybody there?");
  await expect(said(page, "Is anybody there?")).toBeVisible({ timeout: 1_000 });
  await expect(page).toHaveTitle(/^\(1\) /);
  await write(page, "Yes, I am.");
  await expect(said(page, "Yes, I am.")).toHaveAttribute("data-author", "person");
  await expect.poll(() => toAda(desk).at(-1)?.text).toBe("Yes, I am.");
  const mine = toAda(desk).at(-1);
  if (mine) for (const state of ["delivered", "read"]) await desk.graph.tells(mine, state);
  await expect(said(page, "Yes, I am.").locator("[data-state=read]")).toBeVisible();
  expect(desk.model.chats.length, "the bot is silent").toBe(chats);

  await page.getByRole("button", { name: "Hand back" }).click();
  await expect(page.getByTestId("owner")).toHaveText("The bot answers");
  await desk.graph.customerSays(ada, "And when do you close?");
  await expect.poll(() => desk.model.chats.length).toBeGreaterThan(chats);
});

test("what a customer asks for a person says so on top, and is resolved", async ({ page, desk }) => {
  await desk.graph.customerSays(ada, "I want to speak to a human", "Ada Lovelace");
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThan(0);
  await page.goto("/inbox?show=waiting");
  await row(page, "Ada Lovelace").click();
  await expect(page.getByRole("note")).toContainText("human");
  await expect(page.getByTestId("owner")).toHaveText("Needs a reply");
  await write(page, "Ada, I am here.");
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  // Keys are shortcuts outside the text that is written.
  await row(page, "Ada Lovelace").click();
  await page.keyboard.press("e");
  await expect(page.getByRole("note")).toHaveCount(0);
  await expect(page.getByTestId("owner")).toHaveText("The bot answers");
  // It stays in the list while it is open, and leaves the list when it is closed.
  await expect(row(page, "Ada Lovelace")).toBeVisible();
  await page.keyboard.press("u");
  await expect(page.getByText("Nothing matches")).toBeVisible();
});

test("a row says who the customer is, what they want and who has it, and tabs count", async ({ page, desk }) => {
  await talked(desk, grace, "Grace Hopper");
  await desk.graph.customerSays(ada, "I want to speak to a human", "Ada Lovelace");
  await expect.poll(() => toAda(desk).length).toBe(1);
  // Ada has waited for twelve minutes.
  await page.route(/\/conversations\?/, async (route) => {
    const answer = await route.fetch();
    const { items, ...rest } = await answer.json();
    const earlier = (one: Schemas["Conversation"]) => ({ ...one, waiting_since: Date.now() - 12.5 * 60_000 });
    await route.fulfill({ response: answer, json: { ...rest, items: items.map(earlier) } });
  });
  await page.goto("/inbox");
  await expect(row(page, "Ada Lovelace").locator("[data-avatar]")).toHaveText("AL");
  await expect(row(page, "Ada Lovelace"), "their words, not the notice after them").toContainText("I want to speak to a human");
  await expect(row(page, "Ada Lovelace").locator("[data-status]")).toHaveText("Needs a reply· 12 mins");
  await expect(row(page, "Grace Hopper").locator("[data-status]")).toHaveText("Bot");
  await expect(row(page, "Grace Hopper").getByLabel("Bot")).toBeVisible();
  await accessible(page, "the list");

  const tabs = page.getByRole("group", { name: "Which conversations" });
  await expect(tabs.getByRole("button")).toHaveText(["Needs a reply1", "All2"]);
  await expect(tabs.getByRole("button", { name: "All" })).toHaveAttribute("aria-pressed", "true");
  await tabs.getByRole("button", { name: "Needs a reply" }).click();
  await expect(page).toHaveURL(/show=waiting/);
  await expect(rows(page)).toHaveCount(1);

  await page.getByRole("button", { name: "More filters" }).click();
  await page.getByRole("menuitemradio", { name: "With the bot" }).click();
  await expect(rows(page)).toHaveCount(1);
  await expect(row(page, "Grace Hopper")).toBeVisible();
  const cut = (names: Element[]) => names.some((name) => name.scrollWidth > name.clientWidth);
  expect(await tabs.locator("button > span:first-child").evaluateAll(cut), "a third tab cuts no name").toBe(false);
  await tabs.getByRole("button", { name: "With the bot" }).click();
  await expect(rows(page)).toHaveCount(2);
});

test("the contact stands beside the thread, and in a drawer where there is no room", async ({ page, desk }) => {
  test.slow();
  await desk.graph.customerSays(ada, "I want to speak to a human", "Ada Lovelace");
  await expect.poll(() => toAda(desk).length).toBe(1);
  await open(page);
  const beside = page.getByRole("region", { name: "Contact" });
  const fact = (within: Locator, name: string) => within.locator("dl > div").filter({ has: page.getByText(name, { exact: true }) }).locator("dd");
  await expect(beside).toContainText(`+${ada}`);
  await expect(beside).toContainText("The customer said “human”");
  await expect(beside.getByRole("link", { name: "All hand-offs" })).toHaveAttribute("href", "/handoffs");
  await expect(fact(beside, "Agent"), "its name, not the name of its file").toHaveText("Harbour Books");
  await expect(fact(beside, "Who answers")).toHaveText(/^A person · since /);
  await expect(fact(beside, "Free replies")).toHaveText(/^Until /);
  await expect(fact(beside, "Opted out of messages")).toHaveText("No");
  await accessible(page, "the three panes");
  await page.keyboard.press("e");
  await expect(fact(beside, "Who answers")).toHaveText(/^The bot · since /);
  await expect(beside).not.toContainText("Open case");

  await page.setViewportSize({ width: 1100, height: 800 });
  await expect(beside).toHaveCount(0);
  await page.getByRole("button", { name: "About this customer" }).click();
  const drawer = page.getByRole("dialog", { name: "Contact" });
  await expect(fact(drawer, "Agent")).toHaveText("Harbour Books");
  await accessible(page, "the contact in a drawer");
  await drawer.getByRole("button", { name: "Why the last answer" }).click();
  await expect(page.getByRole("dialog", { name: "Why this answer" }).getByTestId("account")).toHaveText("The bot called a person.The customer said “human”");
  await expect(drawer).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(thread(page).getByRole("button", { name: "Why?" }), "what opened it is gone").toBeFocused();
});

test("the thread says who took it over and when it went back", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  const lines = thread(page).locator("[data-activity]");
  await expect(lines).toHaveCount(0);
  // The log is still being read when somebody takes over: what it says then is out of date.
  await page.route(/\/audit\?/, async (route) => {
    const answer = await route.fetch();
    await page.getByRole("button", { name: "Hand back" }).waitFor();
    await route.fulfill({ response: answer }).catch(() => {});
  }, { times: 1 });
  await page.reload();
  await page.getByRole("button", { name: "Take over" }).click();
  await expect(lines).toHaveText([/^Taken over by a person · a browser \(\w{8}\) · \d/]);
  await page.getByRole("button", { name: "Hand back" }).click();
  await expect(lines).toHaveText([/^Taken over/, /^Handed back to the bot/]);
  // A script does it, and the page hears of it.
  const { items } = await desk.api<Schemas["Page_Conversation"]>("/conversations");
  await desk.api(`/conversations/${items[0]?.id}/take`, { method: "POST" });
  await expect(lines).toHaveText([/^Taken over/, /^Handed back/, /^Taken over by a person · the admin key/]);
  await page.getByRole("button", { name: "Hand back" }).click();
  await desk.graph.customerSays(ada, "I want to speak to a human");
  await expect(lines.last()).toHaveText(/^Handed over to a person/);
  await expect(lines.last()).toBeInViewport();
  await page.getByRole("button", { name: "Resolve" }).click();
  await expect(lines.last()).toHaveText(/^Resolved/);
  await expect(lines, "a hand-off stays when its case is closed").toHaveText([/^Taken/, /^Handed back/, /^Taken/, /^Handed back/, /^Handed over/, /^Resolved/]);
  // Away from the button, whose hint would be in the page.
  await thread(page).hover();
  await expect(page.getByRole("tooltip")).toHaveCount(0);
  await accessible(page, "what happened");
});

test("why a customer got an answer: what it rests on, its details, and a better one", async ({ page, desk }) => {
  test.slow();
  desk.model.answer = () => "We open at **nine** [1].";
  await desk.graph.customerSays(ada, "When do you *open*?", "Ada Lovelace");
  await expect.poll(() => toAda(desk).length).toBe(1);
  await open(page);
  const ask = said(page, "We open at").getByRole("button", { name: "Why?" });
  const why = page.getByRole("dialog", { name: "Why this answer" });
  await ask.press("Enter");
  await expect(why.getByTestId("account")).toHaveText("The model wrote this answer from 1 passage of your documents.");
  const source = why.getByTestId("source");
  await expect(source).toContainText("Opening hours");
  await expect(source.locator("blockquote"), "the sentence, not its neighbour").toHaveText("The shop opens at nine in the morning and closes at six.");
  await expect(why).not.toContainText("hand-off rules were tried");
  await accessible(page, "why, in plain words");
  await why.getByRole("button", { name: /^Details/ }).click();
  await expect(why).toContainText("2 hand-off rules were tried, none fired.");
  await expect(why, "a checked statement has no marks").not.toContainText("**");
  await accessible(page, "why, with details");
  await page.keyboard.press("Escape");
  await expect(why).toHaveCount(0);
  await expect(ask, "the keyboard goes on where it was").toBeFocused();
  await ask.press("Enter");
  await expect(why, "the details stay as they were left").toContainText("2 hand-off rules were tried, none fired.");
  await why.getByRole("button", { name: /^Details/ }).click();

  await why.getByRole("button", { name: "Correct this answer" }).click();
  const form = page.getByRole("dialog", { name: "New curated answer" });
  const text = form.getByRole("textbox", { name: "Answer", exact: true });
  await expect(form.getByLabel("Question")).toHaveValue("When do you open?");
  await expect(text).toHaveValue("We open at **nine**.");
  await accessible(page, "a correction");
  await page.keyboard.press("Escape");
  await expect(form).toHaveCount(0);
  await expect(why, "Escape closes the dialog alone").toBeVisible();
  // What opened the drawer is undone with the dialog open.
  await why.getByRole("button", { name: "Correct this answer" }).click();
  await expect(form).toBeVisible();
  await page.goBack();
  await expect(why).toHaveCount(0);
  await ask.press("Enter");
  await expect(why.getByRole("button", { name: "Correct this answer" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(why).toHaveCount(0);
  await ask.press("Enter");
  await why.getByRole("button", { name: "Correct this answer" }).click();
  await text.fill("We open at **eight** now.");
  // While it is saved, nothing closes the dialog: what is opened next would be closed by the answer.
  const saving = held();
  await page.route("**/api/v1/collections/shop/answers", async (route) => {
    await saving.until;
    await route.continue();
  }, { times: 1 });
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByRole("button", { name: "Cancel" })).toBeDisabled();
  await page.keyboard.press("Escape");
  await expect(form).toBeVisible();
  saving.end();
  await expect(page.getByText("The answer is saved")).toBeVisible();
  await expect(form).toHaveCount(0);
  await expect(why, "one stays in the conversation").toBeVisible();
  await page.keyboard.press("Escape");

  await desk.graph.customerSays(ada, "When do you open?");
  // Until the answer is found, correcting it would write a second one.
  const finding = held();
  await page.route("**/api/v1/collections/shop/answers/*", async (route) => {
    await finding.until;
    await route.continue();
  });
  const sought = page.waitForRequest("**/api/v1/collections/shop/answers/*");
  await said(page, "We open at eight now.").getByRole("button", { name: "Why?" }).click();
  await sought;
  await expect(why.getByTestId("account")).toHaveText(/^This is a curated answer, written in advance\./);
  await expect(why.getByRole("button", { name: "Correct this answer" })).toHaveCount(0);
  finding.end();
  await expect(why.getByRole("button", { name: "Correct this answer" })).toBeVisible();
  await why.getByRole("link", { name: "Open answer" }).click();
  await expect(page).toHaveURL(/\/knowledge\/shop\?/);
  const edit = page.getByRole("dialog", { name: "Edit the answer" });
  await expect(edit.getByRole("textbox", { name: "Answer", exact: true })).toHaveValue("We open at **eight** now.");
  await edit.getByRole("button", { name: "Cancel" }).click();
  await expect(edit).toHaveCount(0);
  await expect(page.getByTestId("answer").locator("strong"), "no marks in the list").toHaveText("eight");
});

test("why leads to the document, and says if it is gone", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  const why = page.getByRole("dialog", { name: "Why this answer" });
  const ask = said(page, "We open at nine").getByRole("button", { name: "Why?" });
  await ask.click();
  await expect(why).toContainText("When do you open?");
  await why.getByRole("button", { name: "Close" }).click();
  await expect(ask).toBeFocused();
  await ask.click();
  await why.getByRole("link", { name: "Open document" }).click();
  await expect(page.getByRole("dialog", { name: "Document" }).getByTestId("chunk").first()).toContainText("opens at nine");
  await page.route("**/api/v1/documents/*", (route) => route.fulfill({ status: 404, json: { title: "Not found", status: 404 } }));
  await page.goBack();
  await page.reload();
  await expect(why).toContainText("This document has been deleted since.");
  await expect(why.getByRole("link", { name: "Open document" })).toHaveCount(0);
});

test("an answer that was held back leads to its gap, and the gap back", async ({ page, desk }) => {
  const source = desk.read("prompts/shop.md").replace("\nhandoff:", "\ngrounding: { check: refuse }\nhandoff:");
  await desk.api("/agents/shop/publish", { method: "POST", body: JSON.stringify({ source }) });
  desk.model.answer = () => "Yes, we repair vintage typewriters for forty euros.";
  await desk.graph.customerSays(ada, "Do you repair *vintage* typewriters?", "Ada Lovelace");
  await expect.poll(async () => (await desk.api<Schemas["Page_KnowledgeGap"]>("/gaps")).items.length).toBe(1);
  await open(page);
  await said(page, "I cannot find that").getByRole("button", { name: "Why?" }).click();
  const why = page.getByRole("dialog", { name: "Why this answer" });
  await expect(why.getByTestId("account")).toHaveText(/^The model wrote something that your documents do not support\./);
  await expect(why).toContainText("This question is among the unanswered ones.");
  await expect(why.getByRole("button", { name: "Write an answer" }), "it is written in the gap alone").toHaveCount(0);
  await accessible(page, "why there was no answer");
  await why.getByRole("link", { name: "Write an answer" }).click();
  const gap = page.getByRole("dialog", { name: "Unanswered question" });
  await expect(gap.getByRole("heading", { level: 3 }), "without marks").toHaveText("Do you repair vintage typewriters?");
  await expect(gap.getByRole("listitem").locator("strong")).toHaveText("vintage");
  await gap.getByRole("textbox", { name: "Answer", exact: true }).fill("The shop next door does.");
  await gap.getByRole("button", { name: "Save the answer" }).click();
  await expect(gap).toHaveCount(0);
  await page.locator("main").getByText("Answered", { exact: true }).click();
  await page.getByTestId("gap").getByRole("button").click();
  await expect(gap.getByRole("link", { name: "Open answer" })).toHaveAttribute("href", /tab=answers&answer=/);
  await gap.getByRole("link", { name: "Open the conversation" }).click();
  await expect(thread(page)).toBeVisible();
});

test("WhatsApp's marks are shown as what they mean", async ({ page, desk }) => {
  desk.model.answer = () => "We open at **nine** [1].";
  await desk.graph.customerSays(ada, "Is it *really* open? https://acme.example/_new_/lamps", "Ada Lovelace");
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThan(0);
  await page.goto("/inbox");
  await row(page, "Ada Lovelace").click();
  const asked = thread(page).locator("[data-author=customer]");
  await expect(asked.locator("strong")).toHaveText("really");
  await expect(asked.getByRole("link")).toHaveText("https://acme.example/_new_/lamps");
  await expect(said(page, "We open at").locator("strong")).toHaveText("nine");
  await expect(row(page, "Ada Lovelace")).toContainText("We open at nine");
});

test("a new message does not steal the scroll", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  await page.getByRole("button", { name: "Take over" }).click();
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  for (let n = 1; n <= 12; n++) await desk.graph.customerSays(ada, `Line ${n}\n\n\n\nends`);
  await expect(said(page, "Line 12")).toBeInViewport();
  const end = () => thread(page).evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight);
  expect(await end(), "it follows").toBeLessThan(4);

  await thread(page).hover();
  await page.mouse.wheel(0, -400);
  await expect.poll(end).toBeGreaterThan(300);
  const seen = said(page, "Line 9");
  const before = await seen.boundingBox();
  await desk.graph.customerSays(ada, "Something new");
  const news = page.getByRole("button", { name: "1 new message" });
  await expect(news).toBeVisible();
  expect((await seen.boundingBox())?.y).toBeCloseTo(before?.y ?? -1, 0);
  await news.click();
  await expect(said(page, "Something new")).toBeInViewport();
  await expect(news).toHaveCount(0);
});

test("earlier messages are read on the way up, and what is read stays where it is", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  await page.getByRole("button", { name: "Take over" }).click();
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  for (let n = 1; n <= 70; n++) await desk.graph.customerSays(ada, `Line ${n}.`);
  await page.reload();
  await expect(said(page, "Line 70.")).toBeInViewport();
  await thread(page).focus();
  await expect(async () => {
    await page.keyboard.press("Home");
    await expect(said(page, "Line 1.")).toBeInViewport({ timeout: 200 });
  }).toPass();
  const lines = await thread(page).locator("li", { hasText: /^.*Line \d+\./ }).count();
  expect(lines).toBe(70);
});

test("offline messages wait, then go once and in order", async ({ page, desk, context }) => {
  await talked(desk);
  await open(page);
  const before = toAda(desk).length;
  await context.setOffline(true);
  await write(page, "first");
  await write(page, "second");
  await expect(said(page, "first")).toContainText("Waiting for the connection");
  await expect(said(page, "second")).toBeVisible();
  await context.setOffline(false);
  await expect.poll(() => toAda(desk).slice(before).map(({ text }) => text)).toEqual(["first", "second"]);
  await expect(thread(page).locator("[data-pending]")).toHaveCount(0);
  await expect(said(page, "first")).toHaveCount(1);
});

test("an answer that is lost sends nothing twice", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  const before = toAda(desk).length;
  let lost = 0;
  await page.route("**/messages", async (route) => {
    if (route.request().method() !== "POST" || lost > 0) return route.continue();
    lost += 1;
    // The server gets the request; its response never arrives.
    await route.fetch();
    await route.abort();
  });
  await write(page, "only once");
  await expect(said(page, "only once").locator("[data-state=sent]")).toBeVisible();
  await expect(said(page, "only once")).toHaveCount(1);
  expect(lost).toBe(1);
  expect(toAda(desk).slice(before).map(({ text }) => text)).toEqual(["only once"]);
});

test("what WhatsApp refuses says why, and is tried again", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  desk.graph.failing.push({ code: 131026, message: "Message undeliverable", status: 400 });
  await write(page, "Will you get this?");
  const message = said(page, "Will you get this?");
  await expect(message.locator("[data-state=failed]")).toBeVisible();
  await expect(message).toContainText("Message undeliverable");
  // WhatsApp's own words stay beside what they mean in the reader's language.
  await page.getByRole("button", { name: "Language" }).click();
  await page.getByRole("menuitem", { name: "Español" }).click();
  const translated = page.getByRole("main").locator("li").filter({ hasText: "Will you get this?" }).last();
  await expect(translated).toContainText("WhatsApp no puede entregar a este número (Message undeliverable)");
  await translated.getByRole("button", { name: "Reintentar" }).click();
  await expect(translated.locator("[data-state=sent]")).toBeVisible();
});

test("what the server refuses stays, and can be discarded", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  await page.route("**/messages", (route) =>
    route.request().method() === "POST"
      ? route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify({ title: "Conflict", status: 409, detail: "The window is closed." }) })
      : route.continue(),
  );
  await write(page, "Too late");
  await expect(said(page, "Too late")).toContainText("The window is closed.");
  await page.reload();
  await said(page, "Too late").getByRole("button", { name: "Discard" }).click();
  await expect(said(page, "Too late")).toHaveCount(0);
});

test("a closed window says why nobody can write, and what can be done", async ({ page, desk }) => {
  await talked(desk);
  await page.route(/\/conversations\/conv_\w+$/, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), window_ends_at: Date.now() - 1_000 } });
  });
  await open(page);
  await expect(page.getByText("The 24-hour window is closed")).toBeVisible();
  await expect(page.getByText(/approved template/)).toBeVisible();
  await expect(composer(page)).toHaveCount(0);
});

test("what WhatsApp says of the window wins over the time of the last message", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  await expect(page.getByText(/Reply window/)).toBeVisible();
  desk.graph.failing.push({ code: 131047, message: "Re-engagement message", status: 400 });
  await write(page, "Are you there?");
  await expect(page.getByText("24-hour window closed", { exact: true })).toBeVisible();
  await expect(page.getByText(/Reply window/)).toHaveCount(0);
  await expect(composer(page)).toHaveCount(0);
  await desk.graph.customerSays(ada, "Yes, I am.");
  await expect(page.getByText(/Reply window/)).toBeVisible();
});

test("who gets notices is no customer", async ({ page, desk }) => {
  await desk.notifies("+15550009999");
  await desk.graph.customerSays(ada, "I want to speak to a human", "Ada Lovelace");
  await expect.poll(() => desk.graph.sent.length).toBe(2);
  await page.goto("/inbox");
  await row(page, "+15550009999").click();
  await expect(page.getByTestId("owner")).toHaveText("Support contact: gets notices of cases");
  await expect(page.getByText("This support contact has not written yet")).toBeVisible();
  await expect(page.getByRole("button", { name: "Take over" })).toHaveCount(0);
});

test("Enter sends, Shift and Enter does not, and a draft is kept", async ({ page, desk }) => {
  await talked(desk);
  await talked(desk, grace, "Grace Hopper");
  await open(page);
  await page.keyboard.press("r");
  await expect(composer(page)).toBeFocused();
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await page.keyboard.press("Enter");
  await expect.poll(() => toAda(desk).at(-1)?.text).toBe("one\ntwo");
  await page.keyboard.type("not yet");
  await page.keyboard.press("Escape");
  await expect(composer(page)).not.toBeFocused();
  await row(page, "Grace Hopper").click();
  await expect(page.getByRole("heading", { level: 2, name: "Grace Hopper" })).toBeVisible();
  await expect(composer(page)).toHaveValue("");
  await row(page, "Ada Lovelace").click();
  await expect(composer(page)).toHaveValue("not yet");
});

test("a draft stays when another tab sends", async ({ page, desk }) => {
  await talked(desk);
  await open(page);
  await composer(page).fill("not yet");
  const other = await page.context().newPage();
  await open(other);
  await write(other, "Hello from here");
  await expect.poll(() => toAda(desk).at(-1)?.text).toBe("Hello from here");
  await expect(composer(page)).toHaveValue("not yet");
  await page.reload();
  await expect(composer(page)).toHaveValue("not yet");
  await other.close();
});

test("a search finds a phone as it is written, and shows what it found", async ({ page, desk }) => {
  await desk.graph.customerSays(ada, "Is the blue lamp back?", "Ada Lovelace");
  await talked(desk, grace, "Grace Hopper");
  await expect.poll(() => toAda(desk).length).toBe(1);
  // From a link, where the router's own parser would take it for a number.
  for (const q of [ada, "07700 900001", "+44 7700 900001"]) {
    await page.goto(`/inbox?q=${encodeURIComponent(q)}`);
    await expect(rows(page)).toHaveCount(1);
    await expect(row(page, "Ada Lovelace").locator("mark")).toHaveText(`+${ada}`);
  }
  await page.goto("/inbox?q=BLUE");
  await expect(rows(page)).toHaveCount(1);
  await expect(row(page, "Ada Lovelace").locator("mark")).toHaveText("blue");
  await expect(row(page, "Ada Lovelace")).toContainText("Is the blue lamp back?");
  await accessible(page, "what was found");
});

test("the keyboard goes through the list", async ({ page, desk }) => {
  await talked(desk);
  await talked(desk, grace, "Grace Hopper");
  await page.goto("/inbox");
  await expect(rows(page)).toHaveCount(2);
  const heading = (name: string) => page.getByRole("heading", { level: 2, name });
  await page.keyboard.press("j");
  await expect(row(page, "Grace Hopper")).toBeFocused();
  await page.keyboard.press("j");
  await expect(row(page, "Ada Lovelace")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(heading("Ada Lovelace")).toBeVisible();
  await page.keyboard.press("k");
  await expect(heading("Grace Hopper")).toBeVisible();
  await page.keyboard.press("t");
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  await page.keyboard.press("u");
  await expect(page).toHaveURL(/\/inbox$/);
  await page.keyboard.press("/");
  await page.keyboard.type("lovelace");
  await expect(rows(page)).toHaveCount(1);
  await page.keyboard.type("x");
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await expect(rows(page)).toHaveCount(2);
});

test("pictures and voice notes are shown, what was heard is put right, and the bot says why", async ({ page, desk }) => {
  test.slow();
  await talked(desk);
  const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );
  await desk.graph.customerShows(ada, png, "Look at this");
  await desk.graph.customerSpeaks(ada, Buffer.from("OggS"), "Ada Lovelace");
  await open(page);
  const picture = page.getByRole("button", { name: "Show larger: Look at this" });
  await expect.poll(() => picture.locator("img").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1);
  await picture.click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  const voice = said(page, "when do you open on Sundays");
  await expect(voice.getByRole("group", { name: "Voice note" })).toBeVisible();
  await voice.getByRole("button", { name: "Correct" }).click();
  await page.getByRole("textbox", { name: "What was said" }).fill("When do you open on Mondays?");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(said(page, "When do you open on Mondays?")).toContainText("Corrected by a person");

  await page.getByRole("button", { name: "Why?" }).first().click();
  await expect(page).toHaveURL(/trace=turn_/);
  await expect(page.getByRole("dialog")).toContainText("Opening hours");
  await accessible(page, "why the bot said so");
  await page.keyboard.press("Escape");
  await expect(page).not.toHaveURL(/trace=/);
});

test("a customer's files stay when WhatsApp forgets them, and one that is gone says so", async ({ page, desk }) => {
  const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );
  await desk.graph.customerShows(ada, png, "Look at this");
  desk.graph.files.set("offer", { bytes: Buffer.from("# Offer\n\nA lamp for 20.\n"), mime: "text/markdown" });
  const document = (id: string, filename: string) => ({ type: "document", document: { id, filename, mime_type: "text/markdown" } });
  await desk.graph.customerSends(ada, document("offer", "offer.md"), "Ada Lovelace");
  await desk.graph.customerSends(ada, document("lost", "lost.md"), "Ada Lovelace");
  const states = async () => {
    const { items } = await desk.api<{ items: { id: string }[] }>("/conversations");
    const thread = await desk.api<{ items: Schemas["Message"][] }>(`/conversations/${items[0]?.id}/messages`);
    return thread.items.flatMap(({ media }) => media?.state ?? []).sort();
  };
  await expect.poll(states, { timeout: 45_000 }).toEqual(["gone", "stored", "stored"]);
  desk.graph.files.clear();
  await open(page);
  const picture = page.getByRole("button", { name: "Show larger: Look at this" });
  await expect.poll(() => picture.locator("img").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1);
  await expect(said(page, "offer.md")).toContainText(/0\.1\skB/);
  await expect(said(page, "lost.md")).toContainText("WhatsApp no longer has it");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "offer.md" }).click();
  expect((await download).suggestedFilename()).toBe("offer.md");
});

test("orders, cards and videos show what is in them, and a long message is folded", async ({ page, desk }) => {
  const order = {
    catalog_id: "1",
    text: "Love these!",
    product_items: [
      { product_retailer_id: "lamp", quantity: 2, item_price: 30, currency: "USD" },
      { product_retailer_id: "shade", quantity: 1, item_price: 25, currency: "USD" },
    ],
  };
  await desk.graph.customerSends(ada, { type: "order", order }, "Ada Lovelace");
  const all = Array.from({ length: 120 }, (_, at) => ({ product_retailer_id: `lamp-${at}`, quantity: 1, item_price: 1, currency: "USD" }));
  await desk.graph.customerSends(ada, { type: "order", order: { catalog_id: "1", text: "The whole shop!", product_items: all } }, "Ada Lovelace");
  const contacts = [{ name: { formatted_name: "Chandler Bing" }, phones: [{ phone: "+1 555-555-5555" }] }];
  await desk.graph.customerSends(ada, { type: "contacts", contacts }, "Ada Lovelace");
  await desk.graph.customerSends(ada, { type: "video", video: { id: "gone", mime_type: "video/mp4", caption: "See?" } }, "Ada Lovelace");
  await desk.graph.customerSays(ada, `${"word ".repeat(800)}and the end`, "Ada Lovelace");
  await open(page);
  const cart = said(page, "Love these!");
  await expect(cart).toContainText("Order of 2 items");
  await expect(cart.getByRole("listitem").first()).toHaveText("2 × lamp · US$30.00");
  await expect(cart).toContainText("Total: US$85.00");
  // A long list unfolds step by step.
  const whole = said(page, "The whole shop!");
  await expect(whole).toContainText("Order of 120 items");
  await expect(whole.getByRole("listitem")).toHaveCount(50);
  const more = whole.getByRole("button", { name: "Show more" });
  await expect(more).toHaveText("Show more (70 left)");
  await more.click();
  await expect(whole.getByRole("listitem")).toHaveCount(100);
  await expect(more).toHaveText("Show more (20 left)");
  await more.click();
  await expect(whole.getByRole("listitem")).toHaveCount(120);
  await expect(more).toHaveCount(0);
  await expect(whole.getByRole("listitem").nth(100)).toBeFocused();
  await expect(page.getByRole("link", { name: "+1 555-555-5555" })).toHaveAttribute("href", "tel:+15555555555");
  await expect(said(page, "See?").locator("video")).toHaveAttribute("preload", "none");
  const long = said(page, "word word");
  await expect(long).not.toContainText("and the end");
  await long.getByRole("button", { name: "Show more" }).click();
  await expect(long).toContainText("and the end");
  await accessible(page, "what customers send");
});

test("on a phone it is the list or the conversation", async ({ page, desk }) => {
  test.slow();
  await talked(desk);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto("/inbox");
  await row(page, "Ada Lovelace").click();
  await expect(page.getByRole("heading", { level: 2, name: "Ada Lovelace" })).toBeFocused();
  await expect(row(page, "Ada Lovelace")).toBeHidden();
  await accessible(page, "a conversation on a phone");
  await page.getByRole("link", { name: "Back to the list" }).click();
  await expect(row(page, "Ada Lovelace")).toBeVisible();
});

test.describe("without conversations", () => {
  test.use({ kind: "bare" });
  test("it says how to begin", async ({ page }) => {
    await page.goto("/inbox");
    await expect(page.getByRole("link", { name: "Connect a number" })).toBeVisible();
    await expect(page.getByText("Pick one from the list")).toBeHidden();
  });
});

test("an edited message shows its first words on demand, and a deleted one that it was deleted", async ({ page, desk }) => {
  await talked(desk);
  const written = (body: string) => ({ type: "text", text: { body } });
  const sent = desk.graph.sent.length;
  const first = await desk.graph.customerSays(ada, "Do you sell beds?", "Ada Lovelace");
  await expect.poll(() => desk.graph.sent.length).toBe(sent + 1);
  await open(page);
  await expect(said(page, "Do you sell beds?").first()).toBeVisible();
  const edit = { original_message_id: first, message: written("Do you sell sofas?") };
  await desk.graph.customerSends(ada, { type: "edit", edit }, "Ada Lovelace");
  const edited = said(page, "Do you sell sofas?").first();
  await expect(edited).toBeVisible();
  await expect(edited).toHaveAttribute("data-author", "customer");
  await expect(edited).not.toContainText("Do you sell beds?");
  const earlier = edited.getByRole("button", { name: "Edited" });
  await expect(earlier).toHaveAttribute("aria-expanded", "false");
  await earlier.focus();
  await page.keyboard.press("Enter");
  await expect(earlier).toHaveAttribute("aria-expanded", "true");
  await expect(edited).toContainText("Do you sell beds?");
  await accessible(page, "an edited message");

  const revoke = { original_message_id: first };
  await desk.graph.customerSends(ada, { type: "revoke", revoke }, "Ada Lovelace");
  await expect(said(page, "Deleted by the customer")).toHaveAttribute("data-author", "customer");
  await expect(thread(page).locator("[data-author=customer]", { hasText: "Do you sell" })).toHaveCount(0);
  await expect(thread(page).getByRole("button", { name: "Edited" })).toHaveCount(0);
  expect(desk.graph.sent.length, "nothing is answered again").toBe(sent + 1);
});
