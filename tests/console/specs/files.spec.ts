// Files that a person sends from the inbox: attached, pasted or dropped, with a caption, and what becomes of those that
// cannot be sent.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { accessible, type Desk, expect, test } from "../support/test.js";

const ada = "447700900001";
const pdf = { name: "Offer für Ada.pdf", mimeType: "application/pdf", buffer: Buffer.from(`%PDF-1.4\n%${"-".repeat(2_000)}\n%%EOF\n`) };
const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

const thread = (page: Page) => page.getByRole("region", { name: "Messages" });
const field = (page: Page) => page.getByRole("textbox", { name: /^Message to/ });
const attachButton = (page: Page) => page.getByRole("button", { name: "Attach a file" });
const attached = (page: Page) => page.getByRole("group", { name: "Attached file" });
const said = (page: Page, text: string) => thread(page).locator("li", { hasText: text });
const toAda = (desk: Desk) => desk.graph.sent.filter(({ to }) => to.endsWith(ada));
const files = (desk: Desk) => toAda(desk).flatMap(({ media }) => media ?? []);

/** A customer writes, the bot answers, and the conversation is opened. */
async function talk(page: Page, desk: Desk) {
  await desk.graph.customerSays(ada, "When do you open?", "Ada Lovelace");
  await expect.poll(() => toAda(desk).length).toBe(1);
  await page.goto("/inbox");
  await page.locator("nav [data-id]").click();
  await expect(said(page, "When do you open?")).toBeVisible();
}

async function attach(page: Page, file: typeof pdf | string) {
  const chooser = page.waitForEvent("filechooser");
  await attachButton(page).click();
  await (await chooser).setFiles(file);
}

/** What the page has still to send. */
const pending = (page: Page) => page.evaluate(() => sessionStorage.getItem("frontdesk.outbox"));

/**
 * The server gets the next message, but its answer does not arrive: the connection ends, or the page is gone before.
 * A route of the test would not have a file's bytes.
 */
async function losesAnswer(page: Page, how: "reset" | "late") {
  await page.evaluate((how) => {
    const real = globalThis.fetch;
    globalThis.fetch = async (request) => {
      const answer = await real(request);
      if (!(request instanceof Request && request.method === "POST" && request.url.endsWith("/messages"))) return answer;
      globalThis.fetch = real;
      if (how === "reset") throw new TypeError("Failed to fetch");
      return new Promise<never>(() => {});
    };
  }, how);
}

/** Drops files onto the conversation. */
async function drop(page: Page, ...names: string[]) {
  const dataTransfer = await page.evaluateHandle((names) => {
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File(["A,B\n1,2\n"], name, { type: "text/plain" }));
    return data;
  }, names);
  const pane = page.getByRole("region", { name: "Conversation", exact: true });
  await pane.dispatchEvent("dragover", { dataTransfer });
  await expect(page.getByText("Drop the file here to attach it")).toBeVisible();
  await pane.dispatchEvent("drop", { dataTransfer });
  await expect(page.getByText("Drop the file here to attach it")).toHaveCount(0);
}

test("a document goes with its caption, as an answer to what the customer wrote, and its state is seen", async ({ page, desk }) => {
  await talk(page, desk);
  await said(page, "When do you open?").getByRole("button", { name: /^Quote/ }).click();
  await attach(page, pdf);
  await expect(field(page), "the caption is written at once").toBeFocused();
  await expect(attached(page)).toContainText(pdf.name);
  await expect(attached(page)).toContainText("2 kB");
  await field(page).fill("Our *offer*");
  await accessible(page, "an attached file");
  await field(page).press("Enter");
  await expect(attached(page)).toHaveCount(0);
  await expect(field(page)).toHaveValue("");

  const message = said(page, pdf.name);
  await expect(message.locator("[data-state=sent]")).toBeVisible();
  await expect(message).toHaveAttribute("data-author", "person");
  await expect(message.locator("strong")).toHaveText("offer");
  await expect(message, "the quote").toContainText("When do you open?");
  await expect(thread(page).locator("[data-pending]")).toHaveCount(0);
  await expect(message).toHaveCount(1);
  expect(files(desk)).toEqual([
    { kind: "document", id: expect.any(String), caption: "Our *offer*", filename: pdf.name, bytes: pdf.buffer },
  ]);
  const sent = toAda(desk).at(-1);
  if (sent) await desk.graph.tells(sent, "read");
  await expect(message.locator("[data-state=read]")).toBeVisible();
  await expect(page.getByTestId("owner")).toHaveText("A person answers");
  const download = page.waitForEvent("download");
  await message.getByRole("link", { name: pdf.name }).click();
  expect((await download).suggestedFilename()).toMatch(/^Offer f.+r Ada\.pdf$/);
  await accessible(page, "a sent document");
});

test("a picture is pasted, seen before and after it is sent, and listed as one", async ({ page, desk, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await talk(page, desk);
  await field(page).focus();
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
  }, png.toString("base64"));
  await page.keyboard.press("ControlOrMeta+V");
  const width = (image: HTMLImageElement) => image.naturalWidth;
  await expect.poll(() => attached(page).locator("img").evaluate(width)).toBe(1);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const picture = thread(page).locator("[data-author=person]").getByRole("button", { name: "Show larger: Picture" });
  await expect.poll(() => picture.locator("img").evaluate(width)).toBe(1);
  await expect(thread(page).locator("[data-author=person] [data-state=sent]")).toBeVisible();
  const [got] = files(desk);
  expect(got).toMatchObject({ kind: "image", caption: undefined });
  expect(got?.bytes.subarray(1, 4).toString()).toBe("PNG");
  await expect(page.locator("nav [data-id]")).toContainText("Picture");
  await picture.click();
  await expect(page.getByRole("dialog", { name: "Picture" })).toBeVisible();
  await page.keyboard.press("Escape");
  await thread(page).getByRole("button", { name: "Quote: Picture" }).click();
  await accessible(page, "a sent picture, quoted");
});

test("a recording can be heard by who sent it, and a text with it follows as a message of its own", async ({ page, desk }) => {
  await talk(page, desk);
  // One second of silence: MPEG-1 Layer III at 32 kbit/s and 32 kHz has frames of 144 bytes.
  const frame = Buffer.concat([Buffer.from([0xff, 0xfb, 0x18, 0xc4]), Buffer.alloc(140)]);
  await attach(page, { name: "welcome.mp3", mimeType: "audio/mpeg", buffer: Buffer.concat(Array(28).fill(frame)) });
  await field(page).fill("Listen to this");
  await field(page).press("Enter");
  await expect(said(page, "Listen to this").locator("[data-state=sent]")).toBeVisible();
  expect(toAda(desk).slice(1).map(({ text, media }) => media?.kind ?? text)).toEqual(["audio", "Listen to this"]);
  const message = thread(page).locator("[data-author=person]").first();
  await expect(message.getByRole("group", { name: "Audio file" })).toBeVisible();
  const loaded = page.waitForResponse(/\/messages\/\w+\/(media|recording)$/);
  await message.getByRole("button", { name: "Play" }).click();
  expect((await loaded).url()).toMatch(/media$/);
  expect((await loaded).status()).toBe(200);
});

test("a file is dropped onto the conversation, one for a message, and kept while another page is read", async ({ page, desk }) => {
  await talk(page, desk);
  await drop(page, "prices.txt", "other.txt");
  await expect(page.getByText("Only one file goes with a message: the first one is attached.")).toBeVisible();
  await expect(attached(page)).toContainText("prices.txt");
  await page.getByRole("link", { name: "Overview" }).click();
  await expect(page).not.toHaveURL(/inbox/);
  await page.goBack();
  await expect(attached(page)).toContainText("prices.txt");
  await field(page).press("Enter");
  await expect.poll(() => files(desk)).toMatchObject([{ kind: "document", filename: "prices.txt", bytes: Buffer.from("A,B\n1,2\n") }]);
});

test("a file is attached, removed and sent by the keyboard alone", async ({ page, desk }) => {
  await talk(page, desk);
  await page.keyboard.press("r");
  await expect(field(page)).toBeFocused();
  const backTo = async (target: Locator) => {
    for (let steps = 0; steps < 4; steps += 1) {
      await page.keyboard.press("Shift+Tab");
      if (await target.evaluate((element) => element === document.activeElement)) break;
    }
    await expect(target).toBeFocused();
  };
  const choose = async () => {
    await backTo(attachButton(page));
    const chooser = page.waitForEvent("filechooser");
    await page.keyboard.press("Enter");
    await (await chooser).setFiles(pdf);
    await expect(attached(page)).toBeVisible();
    await expect(field(page)).toBeFocused();
  };
  await choose();
  await page.keyboard.press("Escape");
  await expect(attached(page)).toHaveCount(0);
  await expect(field(page), "Escape takes the file away, nothing else").toBeFocused();
  await choose();
  await backTo(attached(page).getByRole("button", { name: "Remove the file" }));
  await page.keyboard.press("Enter");
  await expect(attached(page)).toHaveCount(0);
  await expect(field(page)).toBeFocused();
  await choose();
  await page.keyboard.press("Enter");
  await expect.poll(() => files(desk).length).toBe(1);
  await expect(field(page)).toBeFocused();
});

test("a caption has its own length", async ({ page, desk }) => {
  await talk(page, desk);
  await field(page).fill("a".repeat(1_025));
  await expect(page.getByText("too long")).toHaveCount(0);
  await attach(page, pdf);
  await expect(page.getByText("1 character too long")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send", exact: true })).toBeDisabled();
  await page.keyboard.press("Enter");
  await expect(attached(page), "it is not sent").toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByText("too long")).toHaveCount(0);
});

test("a file that is refused says why, and is discarded", async ({ page, desk }) => {
  await talk(page, desk);
  await attach(page, { name: "setup.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ\0\0") });
  await field(page).press("Enter");
  const message = said(page, "setup.exe");
  await expect(message.locator("[data-state=unsent]")).toContainText("Not sent. WhatsApp takes no such file. It takes JPEG");
  await accessible(page, "a refused file");
  await message.getByRole("button", { name: "Discard" }).click();
  await expect(message).toHaveCount(0);
  // Larger than the desk takes, it is refused before all of it is there.
  const path = join(desk.folder, "catalogue.pdf");
  writeFileSync(path, Buffer.concat([pdf.buffer, Buffer.alloc(40_000_000)]));
  await attach(page, path);
  await field(page).press("Enter");
  await expect(said(page, "catalogue.pdf").locator("[data-state=unsent]")).toContainText("Not sent. The file is larger than");
  expect(files(desk)).toEqual([]);
});

test("a file does not survive a reload, and says that it has to be attached again", async ({ page, desk }) => {
  await talk(page, desk);
  await page.route("**/messages", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
  await attach(page, pdf);
  await field(page).fill("Our offer");
  await field(page).press("Enter");
  await expect(said(page, pdf.name)).toContainText("Waiting for the connection");
  await page.unroute("**/messages");
  const asked = page.waitForEvent("dialog");
  const reloaded = page.reload();
  expect((await asked).type(), "it is asked first").toBe("beforeunload");
  await (await asked).accept();
  await reloaded;
  const message = said(page, pdf.name);
  await expect(message).toContainText("The file was not sent before the page was reloaded: attach it again.");
  await expect(message).toContainText("Our offer");
  await expect(message.getByRole("button", { name: "Retry" })).toHaveCount(0);
  await message.getByRole("button", { name: "Discard" }).click();
  await expect(message).toHaveCount(0);
  expect(files(desk)).toEqual([]);
});

test("a file whose answer is lost is sent once, and stands once, after a reload too", async ({ page, desk }) => {
  await talk(page, desk);
  await losesAnswer(page, "reset");
  await attach(page, pdf);
  await field(page).press("Enter");
  await expect(said(page, pdf.name).locator("[data-state=sent]")).toBeVisible();
  await expect(said(page, pdf.name)).toHaveCount(1);
  await expect(thread(page).locator("[data-pending]")).toHaveCount(0);
  await expect.poll(() => pending(page), "it was asked again").toBeNull();
  expect(files(desk).length).toBe(1);

  await losesAnswer(page, "late");
  await attach(page, { ...pdf, name: "Second.pdf", buffer: Buffer.concat([pdf.buffer, pdf.buffer]) });
  await field(page).press("Enter");
  await expect.poll(() => files(desk).length).toBe(2);
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await expect(said(page, "Second.pdf").locator("[data-state=sent]")).toBeVisible();
  await expect(said(page, "Second.pdf")).toHaveCount(1);
  await expect(page.getByText("attach it again")).toHaveCount(0);
  await expect.poll(() => pending(page)).toBeNull();
  expect(files(desk).length).toBe(2);
});

test("a file that changed since it was attached is not waited for", async ({ page, desk }) => {
  await talk(page, desk);
  const path = join(desk.folder, "prices.txt");
  writeFileSync(path, "20");
  await attach(page, path);
  await expect(attached(page)).toBeVisible();
  writeFileSync(path, "More than before");
  await field(page).press("Enter");
  await expect(said(page, "prices.txt")).toContainText("The file cannot be read any more");
  await expect(said(page, "prices.txt").getByRole("button", { name: "Retry" })).toHaveCount(0);
});

test("where nobody can write, nothing is attached", async ({ page, desk }) => {
  await talk(page, desk);
  await page.route(/\/conversations\/conv_\w+$/, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), window_ends_at: Date.now() - 1_000 } });
  });
  await page.reload();
  await expect(page.getByText("The 24-hour window is closed")).toBeVisible();
  await expect(attachButton(page)).toHaveCount(0);
});
