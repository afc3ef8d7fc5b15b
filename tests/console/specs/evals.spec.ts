// Evals: running a suite, its cases, and comparing two runs.
import { question } from "../support/model.js";
import { accessible, expect, test } from "../support/test.js";

test("a run, then a better one beside it", async ({ page, desk }) => {
  // The model knows the opening hours and nothing about orders.
  desk.model.answer = () => "We open at nine [1].";
  await page.goto(`${desk.url}/evals`);
  await expect(page.getByText("No runs yet")).toBeVisible();
  await page.getByRole("button", { name: "Run The basics" }).click();
  await accessible(page, "a run to begin");
  await page.getByRole("dialog").getByRole("button", { name: "Run", exact: true }).click();
  await expect(page).toHaveURL(/\/evals\/run_/);
  const table = page.getByRole("table", { name: "Cases" });
  await expect(table.getByRole("row", { name: /says how long an order takes/ })).toContainText("Failed");
  await expect(table.getByRole("row", { name: /says when it opens/ })).toContainText("Passed");
  // What is done has not passed for that, and the run says which version answered.
  await expect(page.getByText("Done: 1 did not pass")).toBeVisible();
  await expect(page.getByText("Harbour Books, version 1")).toBeVisible();
  await accessible(page, "a run");

  desk.model.answer = (chat) =>
    /order/i.test(question(chat)) ? "It takes three working days [1]." : "We open at nine [1].";
  await page.getByRole("button", { name: "Run again" }).click();
  await page.getByRole("menuitem", { name: "The same, compared with this run" }).click();
  await expect(page.getByRole("heading", { name: "Compared with its baseline" })).toBeVisible();
  await expect(page.getByText(/1 better/).first()).toBeVisible();

  await page.getByRole("combobox", { name: "Other runs beside it" }).click();
  await page.getByRole("option").first().click();
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/with=run_/);
  // The switch follows the address, which changes a moment after the click.
  const changed = page.getByRole("switch", { name: "Only what changed (1)" });
  await changed.click();
  await expect(changed).toBeChecked();
  await expect(table.getByRole("row")).toHaveCount(2);
  await accessible(page, "two runs");
  await table.getByRole("button", { name: /says how long an order takes/ }).click();
  const drawer = page.getByRole("dialog", { name: "Case" });
  await expect(drawer.getByRole("region", { name: /Differences from/ })).toContainText("working");
  await expect(drawer.getByRole("region", { name: "Assertions" })).toContainText("icontains");
  await expect(drawer.getByRole("button", { name: /fake-model/ })).toBeVisible();
  await accessible(page, "a case");
});

test.describe("without suites", () => {
  test.use({ kind: "bare" });

  test("it says how to write one", async ({ page, desk }) => {
    await page.goto(`${desk.url}/evals`);
    await expect(page.getByText("There are no suites yet")).toBeVisible();
    await accessible(page, "no suites");
  });
});
