// Runs one suite by promptfoo and by frontdesk against the same running desk, and compares every verdict, score and reason; then has
// promptfoo read our report. Run by `make promptfoo`. FRONTDESK_PROMPTFOO names a promptfoo that is there already, FRONTDESK_BIN a
// frontdesk; without npm and without a promptfoo it says so and ends well.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "0.121.20";
const KEY = "compare-key-of-24-characters";
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");
const scratch = mkdtempSync(join(tmpdir(), "frontdesk-promptfoo-"));

function skip(why) {
  console.log(`skipped: ${why}`);
  rmSync(scratch, { recursive: true, force: true });
  process.exit(0);
}

function promptfoo() {
  const given = process.env.FRONTDESK_PROMPTFOO;
  if (given) return existsSync(given) ? given : skip(`there is no ${given}`);
  if (spawnSync("npm", ["--version"]).status !== 0) skip("there is no npm to install promptfoo with");
  const folder = join(scratch, "npm");
  mkdirSync(folder);
  const packed = `promptfoo@${VERSION}`;
  const done = spawnSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", packed], { stdio: "inherit" });
  if (done.status !== 0) skip(`npm could not install ${packed}`);
  return join(folder, "node_modules/.bin/promptfoo");
}

function binary() {
  const target = process.env.CARGO_TARGET_DIR || join(root, "target");
  const places = [process.env.FRONTDESK_BIN, join(target, "release/frontdesk"), join(target, "debug/frontdesk")];
  return places.find((place) => place && existsSync(place)) || skip("frontdesk is not built: cargo build --release");
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function ready(url) {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error("the desk did not become ready");
}

// Runs a program in the scratch folder; its exit code and what it said.
function run(program, args, env) {
  const done = spawnSync(program, args, { cwd: scratch, env, encoding: "utf8", maxBuffer: 1 << 28 });
  return { code: done.status, text: `${done.stdout}${done.stderr}` };
}

// Of an error that was thrown, the first line: a stack trace names its own program's files.
const words = (text) => (/^Custom function threw error/.test(text) ? text.split("\n")[0] : text);
const parts = (row) => (row.gradingResult?.componentResults || []).map((one) => ({
  type: one.assertion?.type, pass: one.pass, score: one.score, reason: words(one.reason),
}));

// A row as it is compared: scores to nine places.
const seen = (row) => JSON.stringify(
  {
    success: row.success, score: row.score, failureReason: row.failureReason, namedScores: row.namedScores,
    reason: words(row.gradingResult?.reason || ""), parts: parts(row),
  },
  (_, value) => (typeof value === "number" ? Math.round(value * 1e9) / 1e9 : value),
);

function rows(file) {
  const all = JSON.parse(readFileSync(join(scratch, file), "utf8")).results.results;
  return all.sort((a, b) => a.testIdx - b.testIdx || a.promptIdx - b.promptIdx);
}

function compare(ours, theirs) {
  let different = ours.length === theirs.length ? 0 : 1;
  console.log(`${"case".padEnd(42)} frontdesk        promptfoo`);
  for (let at = 0; at < Math.max(ours.length, theirs.length); at += 1) {
    const [own, other] = [ours[at], theirs[at]];
    const same = own && other && seen(own) === seen(other);
    const word = (row) => (row ? `${["pass", "fail", "error"][row.failureReason]} ${row.score.toFixed(4)}` : "-").padEnd(16);
    const name = `${other?.testCase.description || ""} ${"ab"[other?.promptIdx] || ""}`;
    console.log(`${name.padEnd(42)} ${word(own)} ${word(other)} ${same ? "same" : "DIFFERENT"}`);
    if (!same) {
      different += 1;
      console.log(`  ours   ${own && seen(own)} ${own?.error || ""}\n  theirs ${other && seen(other)} ${other?.error || ""}`);
    }
  }
  console.log(`${ours.length} rows, ${different} different`);
  return different;
}

// promptfoo reads our report: imports it, shows it, gives it back, and runs again what failed in it.
function reads(program, env) {
  const wrong = [];
  const imported = run(program, ["import", "ours.json"], env);
  const id = JSON.parse(readFileSync(join(scratch, "ours.json"), "utf8")).evalId;
  if (imported.code !== 0) wrong.push(`import: ${imported.text}`);
  const shown = run(program, ["show", "eval", id], env);
  if (shown.code !== 0 || !shown.text.includes(id)) wrong.push(`show: ${shown.text}`);
  const exported = run(program, ["export", "eval", id, "-o", "back.json"], env);
  if (exported.code !== 0) wrong.push(`export: ${exported.text}`);
  else if (rows("back.json").map(seen).join() !== rows("ours.json").map(seen).join()) wrong.push("export: rows differ");
  // It finds the cases by their variables, so that it runs some more: the same ones as with its own report.
  const failing = (report) => {
    const args = ["eval", "-c", "suite.yaml", "--no-cache", "--no-table", "--filter-failing", report, "-o", `again-${report}`];
    const said = run(program, args, env).text;
    if (!existsSync(join(scratch, `again-${report}`))) return said;
    return rows(`again-${report}`).map((row) => row.testCase.description).join();
  };
  const again = failing("ours.json");
  if (again !== failing("theirs.json")) wrong.push(`--filter-failing: ${again}`);
  console.log(wrong.length ? wrong.join("\n") : `promptfoo imports, shows and exports our report, and runs again what failed in it: ${again.split(",").length} rows, as with its own report`);
  return wrong.length;
}

const program = promptfoo();
const desk = binary();
for (const file of ["suite.yaml", "words.cjs"]) copyFileSync(join(here, file), join(scratch, file));
copyFileSync(join(here, "../graders/grader.cjs"), join(scratch, "grader.cjs"));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const env = {
  ...process.env, FRONTDESK_URL: url, OPENAI_API_KEY: KEY, FRONTDESK__HTTP__PORT: String(port), FRONTDESK__HTTP__ADMIN_KEY: KEY,
  FRONTDESK__EMBED__KIND: "off", FRONTDESK__FILES__PROMPTS: join(root, "prompts"), FRONTDESK__FILES__KNOWLEDGE: join(root, "knowledge"), PROMPTFOO_CONFIG_DIR: join(scratch, "promptfoo"), PROMPTFOO_DISABLE_TELEMETRY: "1",
  PROMPTFOO_DISABLE_UPDATE: "1",
};
mkdirSync(join(scratch, "desk"));
const server = spawn(desk, ["serve"], { cwd: join(scratch, "desk"), env, stdio: "ignore" });
let wrong = 1;
try {
  await ready(url);
  const own = run(desk, ["eval", "suite.yaml", "--no-cache", "-o", "ours.json"], env);
  if (!existsSync(join(scratch, "ours.json"))) throw new Error(`frontdesk eval: ${own.text}`);
  const args = ["eval", "-c", "suite.yaml", "--no-cache", "--no-table", "--no-progress-bar", "-o", "theirs.json"];
  const other = run(program, args, env);
  if (!existsSync(join(scratch, "theirs.json"))) throw new Error(`promptfoo eval: ${other.text}`);
  if (own.code !== other.code) console.log(`exit codes: ours ${own.code}, theirs ${other.code}`);
  wrong = compare(rows("ours.json"), rows("theirs.json")) + (own.code === other.code ? 0 : 1) + reads(program, env);
} finally {
  server.kill();
  if (process.env.KEEP) console.log(scratch);
  else rmSync(scratch, { recursive: true, force: true });
}
process.exit(wrong ? 1 : 0);
