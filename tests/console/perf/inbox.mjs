// Measures an inbox of 100,000 conversations and 1,000,000 messages: time until the list is shown, and longest task
// while scrolling.
//
//   node tests/console/perf/inbox.mjs              seeds its own desk (FRONTDESK_BIN, else a release build, else debug)
//   CONVERSATIONS=1000 MESSAGES=10 …               another size
//   FRONTDESK_URL=http://… LINK=http://…/sign-in#… a running desk
//
// Fails when the list takes a second, or a task while scrolling 100 ms.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";

const conversations = Number(process.env.CONVERSATIONS ?? 100_000);
const messages = Number(process.env.MESSAGES ?? 10);
/** Limits in milliseconds: time until the list is shown, and the longest task while scrolling. */
const SOON = 1_000;
const LONG = 100;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const release = here("../../../target/release/frontdesk");
const binary =
  process.env.FRONTDESK_BIN ?? (existsSync(release) ? release : here("../../../target/debug/frontdesk"));
const plain = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(FRONTDESK_|DATABASE_URL|OPENAI_)/.test(name)),
);

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Starts the desk; returns a function that stops it. */
async function serve(folder, url) {
  const child = spawn(binary, ["serve"], { cwd: folder, env: plain, stdio: "ignore" });
  const ended = new Promise((gone) => child.once("exit", gone));
  for (let tries = 0; ; tries++) {
    if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) break;
    if (child.exitCode !== null || tries > 600) throw new Error(`the desk does not start: ${binary}`);
    await new Promise((next) => setTimeout(next, 100));
  }
  return async () => {
    child.kill("SIGTERM");
    await ended;
  };
}

async function desk() {
  if (process.env.FRONTDESK_URL)
    return { url: process.env.FRONTDESK_URL, link: process.env.LINK, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-perf-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  mkdirSync(join(folder, "prompts"));
  writeFileSync(join(folder, "prompts/shop.md"), "---\nname: Shop\n---\nYou answer customers.\n");
  // A console built elsewhere, in place of the one in the binary.
  const built = process.env.FRONTDESK_CONSOLE ? `console = "${process.env.FRONTDESK_CONSOLE}"\n` : "";
  writeFileSync(
    join(folder, "frontdesk.toml"),
    `[http]\nport = ${port}\n${built}[embed]\nkind = "off"\n[llm]\nkind = "extractive"\n[numbers.main]\nprovider = "sandbox"\nagent = "shop"\ninsecure = true\n`,
  );
  const halt = await serve(folder, url);
  await halt();
  console.log(`seeding ${conversations} conversations and ${conversations * messages} messages`);
  execFileSync("python3", [
    here("inbox.seed.py"),
    join(folder, "data/frontdesk.db"),
    conversations,
    messages,
  ]);
  const stop = await serve(folder, url);
  const said = execFileSync(binary, ["sign-in"], { cwd: folder, env: plain, encoding: "utf8" });
  const done = async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, link: /http\S+\/sign-in#\S+/.exec(said)?.[0], stop: done };
}

/** Records when the list was first shown, and the longest task since `window.longest` was reset. */
function watch() {
  const shown = () => {
    if (window.shown === undefined && document.querySelector("[data-id]"))
      // After the frame in which the list is painted.
      requestAnimationFrame(() => setTimeout(() => (window.shown ??= performance.now())));
  };
  new MutationObserver(shown).observe(document, { childList: true, subtree: true });
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
  }).observe({ type: "longtask", buffered: true });
}

async function opens(page, url) {
  await page.goto(`${url}/inbox`);
  await page.waitForFunction(() => window.shown !== undefined);
  return page.evaluate(() => window.shown);
}

/** Scrolls some thousand rows down and returns how many rows were loaded. */
async function scrolls(page) {
  const list = page.locator("nav div:has(> ul)").last();
  await list.hover();
  await page.evaluate(() => (window.longest = 0));
  for (let step = 0; step < 150; step++) {
    await page.mouse.wheel(0, 2_000);
    await page.waitForTimeout(30);
  }
  await page.waitForTimeout(300);
  const rows = await page.locator("[data-id]").last().locator("..").getAttribute("aria-posinset");
  return { rows: Number(rows), longest: await page.evaluate(() => window.longest) };
}

const { url, link, stop } = await desk();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(watch);
  if (link) {
    await page.goto(link);
    await page.waitForURL((address) => !address.pathname.startsWith("/sign-in"));
  }
  const cold = await opens(page, url);
  const again = [await opens(page, url), await opens(page, url), await opens(page, url)].sort(
    (a, b) => a - b,
  )[1];
  const { rows, longest } = await scrolls(page);
  console.log(
    `the list is shown after ${Math.round(cold)} ms, later (middle of three) ${Math.round(again)} ms`,
  );
  console.log(
    `scrolled through ${rows} rows; the longest task took ${Math.round(longest)} ms (0: none took 50 ms)`,
  );
  if (cold > SOON || again > SOON || longest > LONG) process.exitCode = 1;
} finally {
  await browser.close();
  await stop();
}
