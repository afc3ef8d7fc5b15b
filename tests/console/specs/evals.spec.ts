// Evals: running a suite, its cases, comparing two runs, writing cases, and the accepted baseline.
import type { Page } from "@playwright/test";
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

const main = (page: Page) => page.getByRole("main");
const dialog = (page: Page, name: string) => page.getByRole("dialog", { name });

/** Saves a case over the API, as the sandbox does. */
async function saved(desk: Desk, part: Partial<Schemas["NewCase"]> = {}) {
  const body = { agent: "shop", text: "When do you open?", reply: "At nine.", history: [], ...part };
  return desk.api<Schemas["SavedCase"]>("/evals/cases", { method: "POST", body: JSON.stringify(body) });
}

const casesOf = (desk: Desk) => desk.api<Schemas["SuiteCases"]>("/evals/cases?suite=saved-shop.yaml");

test("a case is written in a form beside its YAML, and makes a suite", async ({ page, desk }) => {
  await page.goto("/evals");
  await main(page).getByRole("button", { name: "New case" }).click();
  const form = dialog(page, "New case");
  // What is missing is said beside its field.
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByText("This is missing.")).toHaveCount(2);
  await form.getByRole("textbox", { name: "The customer's message" }).fill("When do you open on Mondays?");
  await form.getByRole("textbox", { name: "The answer says the same as" }).fill("At nine: every day.");
  await form.getByRole("button", { name: "Add a requirement" }).click();
  await form.getByRole("textbox", { name: "The answer contains" }).fill("nine");
  await form.getByRole("button", { name: "Add a requirement" }).click();
  await form.getByRole("combobox", { name: "Requirement 4" }).click();
  await page.getByRole("option", { name: "The bot finds the document" }).click();
  await form.getByRole("combobox", { name: "The bot finds the document" }).click();
  await page.getByRole("option", { name: "hours.md" }).click();
  const yaml = form.getByRole("group", { name: "The case as YAML" });
  await expect(yaml).toContainText("message: When do you open on Mondays?");
  await expect(yaml).toContainText('value: "At nine: every day."');
  await accessible(page, "a new case");
  await form.getByRole("button", { name: "Save" }).click();

  await expect(page).toHaveURL(/\/evals\/suites\/saved-shop\.yaml$/);
  const one = main(page).getByRole("listitem").filter({ has: page.getByRole("heading", { name: "When do you open on Mondays?" }) });
  await expect(one).toContainText("The answer says the same as: At nine: every day.");
  await expect(one).toContainText("The bot finds the document: hours.md");
  const { cases } = await casesOf(desk);
  expect(cases.map(({ form }) => form?.checks)).toEqual([
    [
      { type: "answered" },
      { type: "rouge-n", value: "At nine: every day.", threshold: 0.5 },
      { type: "icontains", value: "nine" },
      { type: "retrieved", value: "hours.md" },
    ],
  ]);
});

test("a suite's cases are read in words, searched, and shown as YAML; back leads back", async ({ page, desk }) => {
  await saved(desk);
  await saved(desk, { text: "Do you sell maps?", checks: [{ type: "language", value: "es" }, { type: "handed-off" }] });
  await page.goto("/evals");
  await main(page).getByRole("link", { name: "Cases of Saved replies of shop" }).click();
  const cases = main(page).getByRole("heading", { level: 2 });
  await expect(cases).toHaveText(["When do you open?", "Do you sell maps?"]);
  await expect(main(page)).toContainText("The answer is in: Spanish");
  await accessible(page, "a suite");
  await main(page).getByRole("textbox", { name: "Search cases" }).fill("MAPS");
  await expect(cases).toHaveText(["Do you sell maps?"]);
  await main(page).getByRole("tab", { name: "YAML" }).click();
  await expect(main(page).getByRole("group", { name: "YAML" })).toContainText("frontdesk:shop");
  await page.reload();
  await expect(main(page).getByRole("tab", { name: "YAML" })).toHaveAttribute("aria-selected", "true");
  // What is saved elsewhere meanwhile is shown, too.
  await main(page).getByRole("tab", { name: "Cases" }).click();
  await saved(desk, { text: "Do you wrap gifts?" });
  await expect(cases).toHaveText(["When do you open?", "Do you sell maps?", "Do you wrap gifts?"]);
  await page.goBack();
  await expect(page).toHaveURL(/\/evals$/);
});

test("a case is edited with what the form does not know, and the last one takes the suite along", async ({ page, desk }) => {
  const history: Schemas["EarlierMessage"][] = [{ speaker: "customer", text: "Hello" }];
  await saved(desk, { history, checks: [{ type: "bubbles", value: { max: 2 } }, { type: "icontains", value: "nine" }] });
  await page.goto("/evals/suites/saved-shop.yaml");
  await main(page).getByRole("button", { name: "Edit: When do you open?" }).click();
  const form = dialog(page, "Edit case");
  await expect(form.getByRole("group", { name: "Requirement 1" })).toContainText("max: 2");
  await expect(form.getByRole("region", { name: "Earlier messages" })).toContainText("Hello");
  await form.getByRole("textbox", { name: "Title" }).fill("opening hours");
  await form.getByRole("textbox", { name: "The answer contains" }).fill("ten");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(main(page).getByRole("heading", { name: "opening hours" })).toBeVisible();
  const { cases } = await casesOf(desk);
  expect(cases).toMatchObject([
    {
      title: "opening hours",
      form: {
        history,
        text: "When do you open?",
        checks: [
          { type: "bubbles", value: { max: 2 } },
          { type: "icontains", value: "ten" },
        ],
      },
    },
  ]);
  await main(page).getByRole("button", { name: "Delete: opening hours" }).click();
  const sure = dialog(page, "Delete “opening hours”?");
  await expect(sure).toContainText("It is the last case");
  await sure.getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(/\/evals$/);
  await expect(main(page).getByRole("heading", { name: "The basics" })).toBeVisible();
  await expect(main(page).getByRole("heading", { name: "Saved replies of shop" })).toHaveCount(0);
});

test("what the API refuses is said beside the form, and a message that is there already, too", async ({ page, desk }) => {
  await saved(desk);
  await page.goto("/evals/suites/saved-shop.yaml");
  await main(page).getByRole("button", { name: "Add case" }).click();
  const form = dialog(page, "New case");
  await form.getByRole("textbox", { name: "The customer's message" }).fill("when do you open");
  await form.getByRole("textbox", { name: "The answer says the same as" }).fill("At nine.");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByText("another case with this message")).toBeVisible();
  await form.getByRole("button", { name: "Cancel" }).click();
  // Somebody else changes the case in the meantime.
  await main(page).getByRole("button", { name: "Edit: When do you open?" }).click();
  const [first] = (await casesOf(desk)).cases;
  const replaces = { at: 0, hash: first?.hash ?? "" };
  await saved(desk, { suite: "saved-shop.yaml", title: "hours", replaces });
  await dialog(page, "Edit case").getByRole("button", { name: "Save" }).click();
  await expect(dialog(page, "Edit case").getByText("The suite changed meanwhile")).toBeVisible();
});

test("the owner's own suites are read, also in a folder, and not changed", async ({ page, desk }) => {
  desk.write("eval/suites/more/hours 1.yaml", desk.read("eval/suites/basics.yaml").replace("The basics", "The hours"));
  await page.goto("/evals");
  await main(page).getByRole("link", { name: "Cases of The hours" }).click();
  await expect(main(page).getByText("your own file more/hours 1.yaml")).toBeVisible();
  await expect(main(page).getByRole("heading", { name: "says when it opens" })).toBeVisible();
  await expect(main(page).getByRole("button", { name: /^(Add case|Edit|Delete)/ })).toHaveCount(0);
  await page.reload();
  await expect(main(page).getByRole("heading", { level: 1, name: "The hours" })).toBeVisible();
});

test("a whole run is accepted as the baseline, and the next one is compared with it", async ({ page, desk }) => {
  const id = await worseRun(desk);
  await page.goto(`/evals/${id}`);
  await main(page).getByRole("button", { name: "Accept as baseline" }).click();
  const sure = dialog(page, "Accept these scores as the baseline?");
  await expect(sure).toContainText("basics.baseline.json");
  await accessible(page, "accepting a baseline");
  await sure.getByRole("button", { name: "Accept" }).click();
  await expect(page.getByText("The scores are accepted in basics.baseline.json")).toBeVisible();

  better(desk);
  await page.goto("/evals");
  await expect(main(page).getByText("Baseline accepted")).toBeVisible();
  await main(page).getByRole("button", { name: "Run The basics" }).click();
  const form = dialog(page, "Run a suite");
  await expect(form.getByRole("combobox", { name: "Compare with" })).toHaveValue(/^Accepted baseline/);
  await form.getByRole("button", { name: "Run", exact: true }).click();
  await expect(main(page).getByRole("heading", { name: "Compared with the accepted baseline" })).toBeVisible();
  await expect(main(page).getByText(/1 better/).first()).toBeVisible();
});

test("a run of some of the cases cannot be accepted", async ({ page, desk }) => {
  const body = JSON.stringify({ suite: "basics.yaml", first: 1 });
  const { id } = await desk.api<Schemas["Run"]>("/evals/runs", { method: "POST", body });
  await expect.poll(async () => (await desk.api<Schemas["Run"]>(`/evals/runs/${id}`)).state).toBe("done");
  // The suites are known by then, so that the button would appear at once.
  await page.goto("/evals");
  await expect(main(page).getByRole("heading", { name: "The basics" })).toBeVisible();
  await main(page).locator(`a[href="/evals/${id}"]`).click();
  await expect(main(page).getByRole("button", { name: "Run again" })).toBeVisible();
  await expect(main(page).getByRole("button", { name: "Accept as baseline" })).toHaveCount(0);
});

test.describe("without suites", () => {
  test.use({ kind: "bare" });

  test("it says how to write one", async ({ page, desk }) => {
    await page.goto(`${desk.url}/evals`);
    await expect(page.getByText("There are no suites yet")).toBeVisible();
    await accessible(page, "no suites");
    await main(page).getByRole("button", { name: "New case" }).click();
    await expect(dialog(page, "New case")).toBeVisible();
  });
});
