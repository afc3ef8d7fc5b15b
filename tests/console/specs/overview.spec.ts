// The overview: daily statistics as charts and as tables.
import { accessible, expect, test } from "../support/test.js";

test("messages and hand-offs are counted, and every chart has a table", async ({ page, desk }) => {
  await page.goto(`${desk.url}/overview`);
  await expect(page.getByText("No activity in this period")).toBeVisible();
  await desk.graph.customerSays("447700900001", "When do you open?", "Ada");
  await desk.graph.customerSays("447700900002", "I want a refund", "Bob");
  await expect.poll(() => desk.graph.sent.length).toBeGreaterThanOrEqual(2);
  await page.reload();
  const totals = page.getByRole("region", { name: "Totals" });
  await expect(totals).toContainText("Messages received2");
  await expect(page.getByRole("region", { name: "Reasons for hand-offs" })).toContainText("The customer said “refund”");
  await expect(page.getByRole("img", { name: /^Chart: Messages/ })).toBeVisible();
  // What came in and what went out do not add up: their bars stand beside each other.
  const bars = page.getByRole("img", { name: /^Chart: Messages/ }).locator(".recharts-bar-rectangle path");
  // The chart is drawn once it knows its width, shortly after its frame.
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
