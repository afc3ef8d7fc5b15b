// Hand-offs: testing and publishing rules, opening and resolving cases.
import { accessible, expect, type Schemas, test } from "../support/test.js";

test("a sentence is tried, a word is added, tried and published", async ({ page, desk }) => {
  await page.goto(`${desk.url}/handoffs?tab=rules`);
  const sentence = page.getByRole("textbox", { name: "What a customer writes" });
  await sentence.fill("I want a refund please");
  await expect(page.getByText("A person is called")).toBeVisible();
  await expect(page.locator("mark")).toHaveText("refund");
  await sentence.fill("Where is your manager?");
  await expect(page.getByText("Nothing matches: the bot answers")).toBeVisible();
  await accessible(page, "rules of hand-offs");
  await page.getByRole("combobox", { name: "Words and phrases" }).fill("manager");
  await page.keyboard.press("Enter");
  // The draft is tested before it is published.
  await expect(page.locator("mark")).toHaveText("manager");
  expect((await desk.api<Schemas["Agent"]>("/agents/shop")).version).toBe(1);
  await page.getByRole("button", { name: "Publish" }).click();
  // The file is changed in one place, not written anew.
  await expect(page.getByRole("dialog")).toContainText("Lines added: 1; removed: 1");
  await page.getByRole("dialog").getByRole("button", { name: /^Publish/ }).click();
  await expect(page.getByText("As in version 2, which is live.")).toBeVisible();
  const live = await desk.api<Schemas["Agent"]>("/agents/shop");
  expect(live.source).toContain("manager");
  expect(live.source).toContain("You answer customers of {{ agent }}");
});

test("what was changed is not left without asking", async ({ page, desk }) => {
  await page.goto(`${desk.url}/handoffs?tab=rules`);
  await page.getByRole("combobox", { name: "Words and phrases" }).fill("manager");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Evals" }).click();
  const asked = page.getByRole("dialog", { name: "Leave without publishing?" });
  await asked.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Changed, not published yet.")).toBeVisible();
  await page.getByRole("link", { name: "Evals" }).click();
  await asked.getByRole("button", { name: "Leave" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Evals" })).toBeVisible();
});

test("a support contact who is not told of a case is an alarm", async ({ page, desk }) => {
  await desk.notifies("+15550009999");
  // The hand-off sentence, and the notice.
  const closed = { code: 131047, message: "Re-engagement message", status: 400 };
  desk.graph.failing.push(closed, closed);
  await desk.graph.customerSays("447700900003", "Give me a human", "Cleo");
  // The page that is open comes back by itself after the restart, and may interrupt this one.
  await expect(() => page.goto(`${desk.url}/handoffs`)).toPass();
  await expect(page.getByRole("alert").filter({ hasText: "A support contact was not notified of a case" })).toBeVisible();
  await accessible(page, "an alarm about a notice");
});

test("a case comes by itself, and is resolved", async ({ page, desk }) => {
  await page.goto(`${desk.url}/handoffs`);
  await expect(page.getByText("Nobody needs a reply")).toBeVisible();
  await desk.graph.customerSays("447700900003", "Give me a human", "Cleo");
  const one = page.getByRole("listitem").filter({ hasText: "Cleo" });
  await expect(one).toContainText("The customer said “human”");
  await accessible(page, "cases of hand-offs");
  await expect(one.getByRole("link", { name: "Conversation with Cleo" })).toHaveAttribute("href", /\/inbox\/conv_/);
  await one.getByRole("button", { name: "Resolve the case of Cleo" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resolve" }).click();
  await expect(page.getByText("Nobody needs a reply")).toBeVisible();
  await page.getByText("All", { exact: true }).click();
  await expect(one).toContainText("Resolved");
});

test("a customer's words begin where the page's lines begin, in whatever language", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900003", "Give me a human", "Cleo");
  await expect.poll(() => desk.graph.sent.length).toBe(1);
  await page.evaluate(() => localStorage.setItem("frontdesk.language", "ar"));
  for (const path of ["/handoffs", "/"]) {
    await page.goto(path);
    const main = page.getByRole("main");
    const [words, name] = await Promise.all(
      ["Give me a human", "Cleo"].map((text) => main.getByText(text, { exact: true }).evaluate((one) => {
        const range = document.createRange();
        range.selectNodeContents(one);
        return range.getBoundingClientRect().right;
      })),
    );
    expect(words, path).toBeCloseTo(name ?? Number.NaN, 0);
  }
});
