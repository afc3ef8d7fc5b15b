// Evals: running a suite, its cases, and comparing two runs.
import { question } from "../support/model.js";
import { accessible, type Desk, expect, type Schemas, test } from "../support/test.js";

/** Runs the suite while the model knows the opening hours and nothing about orders. */
async function worseRun(desk: Desk): Promise<string> {
  desk.model.answer = () => "We open at nine [1].";
  const body = JSON.stringify({ suite: "basics.yaml" });
  const { id } = await desk.api<Schemas["Run"]>("/evals/runs", { method: "POST", body });
  await expect.poll(async () => (await desk.api<Schemas["Run"]>(`/evals/runs/${id}`)).state).toBe("done");
  return id;
}

function better(desk: Desk) {
  desk.model.answer = (chat) =>
    /order/i.test(question(chat)) ? "It takes three working days [1]." : "We open at nine [1].";
}

test("a run says which cases did not pass", async ({ page, desk }) => {
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
});

test("a better run stands beside its baseline", async ({ page, desk }) => {
  const id = await worseRun(desk);
  better(desk);
  await page.goto(`${desk.url}/evals/${id}`);
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
  const table = page.getByRole("table", { name: "Cases" });
  await expect(table.getByRole("row")).toHaveCount(2);
  await accessible(page, "two runs");
  await table.getByRole("button", { name: /says how long an order takes/ }).click();
  const drawer = page.getByRole("dialog", { name: "Case" });
  await expect(drawer.getByRole("region", { name: /Differences from/ })).toContainText("working");
  await expect(drawer.getByRole("region", { name: "Assertions" })).toContainText("icontains");
  await drawer.getByRole("button", { name: /fake-model/ }).click();
  await expect(drawer.getByTestId("account")).toHaveText("The model wrote this answer from 1 passage of your documents.");
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
