// The overview: four figures that matter, then sections of charts, which are tables, too.
import { accessible, expect, type Schemas, test } from "../support/test.js";

/** The server's overview with these totals. */
function withTotals(overview: Schemas["Overview"], total: Partial<Schemas["Figures"]>, share: number): Schemas["Overview"] {
  return { ...overview, share_by_bot: share, total: { ...overview.total, ...total } };
}

test("messages and hand-offs are counted, and every chart has a table", async ({ page, desk }) => {
  await page.goto(`${desk.url}/overview`);
  await expect(page.getByText("No activity in this period")).toBeVisible();
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada");
  await desk.graph.customerSays("447700900002", "I want a refund", "Bob");
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThanOrEqual(2);
  await page.reload();
  const figures = page.getByRole("region", { name: "Key figures" });
  await expect(figures.getByRole("term")).toHaveText(["Messages received", "Written by the bot", "Hand-offs", "Typical response time"]);
  await expect(figures).toContainText("Messages received2");
  await expect(figures).toContainText("Hand-offs1");
  await expect(page.getByRole("region", { name: "Reasons for hand-offs" })).toContainText("The customer said “refund”");
  // What went wrong takes no room while nothing did.
  const main = page.getByRole("main");
  await expect(main.getByText("No failed or unknown sends and no errors in this period.")).toBeVisible();
  await expect(main.getByText("Failed sends")).toHaveCount(0);
  await expect(page.getByRole("img", { name: /^Chart: Messages/ })).toBeVisible();
  // What came in and what went out do not add up: their bars stand beside each other.
  const bars = page.getByRole("img", { name: /^Chart: Messages/ }).locator("[data-bar]");
  await expect(async () => {
    const [received, sent] = await bars.evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect()).filter(({ height }) => height > 0));
    expect(sent?.bottom).toBeCloseTo(received?.bottom ?? Number.NaN, 0);
    expect(sent?.left).toBeGreaterThanOrEqual(received?.right ?? Number.NaN);
  }).toPass({ timeout: 5_000 });
  await accessible(page, "overview");
  // The radio inputs have no size of their own, so their labels are clicked.
  await page.getByRole("radiogroup").getByText("7 days", { exact: true }).click();
  await expect(page.getByRole("radio", { name: "7 days" })).toBeChecked();
  await expect(page).toHaveURL(/days=7/);
  await page.getByRole("switch", { name: "As table" }).check();
  const messages = page.getByRole("table", { name: "Messages" });
  await expect(messages.getByRole("row")).toHaveCount(8);
  await expect(messages.getByRole("row").nth(1)).toContainText("2");
  await accessible(page, "overview as tables");
});

test("a change is said in words, and whether it is good", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada");
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThanOrEqual(1);
  await page.route("**/api/v1/overview?*", async (route) => {
    const answer = await route.fetch();
    const overview: Schemas["Overview"] = await answer.json();
    const before = new URL(route.request().url()).searchParams.has("to");
    const json = before
      ? withTotals(overview, { inbound: 10, hand_offs: 10, p50_ms: 2_000, failed_sends: 0 }, 0.8)
      : withTotals(overview, { inbound: 12, hand_offs: 8, p50_ms: 3_000, failed_sends: 3 }, 0.85);
    await route.fulfill({ json });
  });
  await page.goto(`${desk.url}/overview`);
  const figures = page.getByRole("region", { name: "Key figures" }).getByRole("definition");
  await expect(figures.filter({ hasText: "before: 10" })).toHaveText([/^Up 20%before/, /^Down 20%: better/]);
  await expect(figures.filter({ hasText: "before: 80%" })).toHaveText(/^Up 5 points: better/);
  await expect(figures.filter({ hasText: "before: 2 sec" })).toHaveText(/^50% slower/);
  await expect(page.getByRole("main").getByText("Failed sends", { exact: true })).toBeVisible();
  await expect(page.getByRole("img", { name: /^Chart: Failed and unknown sends/ })).toBeVisible();
});

test("the figures of one range are not compared with those before another", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada");
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThanOrEqual(1);
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  let asked = 0;
  await page.route("**/api/v1/overview?*", async (route) => {
    const answer = await route.fetch();
    const overview: Schemas["Overview"] = await answer.json();
    const isBefore = new URL(route.request().url()).searchParams.has("to");
    asked += 1;
    // Of the second range, only what was before it arrives.
    if (asked > 2 && !isBefore) await held;
    await route.fulfill({ json: withTotals(overview, { inbound: asked > 2 ? 20 : 10 }, 0.8) });
  });
  await page.goto(`${desk.url}/overview`);
  const figures = page.getByRole("region", { name: "Key figures" });
  await expect(figures).toContainText("before: 10");
  const before = page.waitForResponse((answer) => /\/overview\?.*\bto=/.test(answer.url()));
  await page.getByRole("radiogroup").getByText("7 days", { exact: true }).click();
  await (await before).finished();
  await expect(figures).toContainText("Messages received10");
  await expect(figures).not.toContainText("before:");
  go();
  await expect(figures).toContainText("before: 20");
});

test("on a phone a legend of two lines stays in its panel", async ({ page, desk }) => {
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada");
  await expect.poll(() => desk.graph.sent.length).toBe(1);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.evaluate(() => localStorage.setItem("frontdesk.language", "es"));
  await page.goto(`${desk.url}/overview`);
  const legend = page.getByText("Escritos por modelos");
  const panel = page.getByRole("region", { name: "Tokens" });
  await expect(async () => {
    const [words, around] = await Promise.all([legend.boundingBox(), panel.boundingBox()]);
    expect((words?.y ?? Number.NaN) + (words?.height ?? 0)).toBeLessThanOrEqual((around?.y ?? 0) + (around?.height ?? 0));
  }).toPass({ timeout: 5_000 });
});
