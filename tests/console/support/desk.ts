// A desk under test: the real binary in its own folder, with a fake WhatsApp and a fake model, or the demo as `make
// run` starts it.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { components } from "../../../console/src/api/schema.js";
import { Graph } from "./graph.js";
import { Model } from "./model.js";

/** Schemas of the OpenAPI document. */
export type Schemas = components["schemas"];

/**
 * `shop`: an agent, documents, a model, a WhatsApp number. `demo`: an empty folder. `bare`: an agent without a number or documents.
 * `modelless`: an agent and documents; a model is looked for at the fake one's port, which lists none yet.
 */
export type Kind = "shop" | "demo" | "bare" | "modelless";

const prompt = `---
name: Harbour Books
model: fake-model
temperature: 0.2
knowledge: [shop]
voice: { transcribe: true }
handoff:
  keywords: [human, refund]
  reply: "A colleague will answer you here."
no_answer: "I cannot find that in our information."
---
You answer customers of {{ agent }}, a bookshop. Today is {{ today }}. Use only the passages.
`;

const files: Record<string, string> = {
  "prompts/shop.md": prompt,
  "knowledge/shop/hours.md": "# Opening hours\n\nThe shop opens at nine in the morning and closes at six. On Sundays it is closed.\n",
  "knowledge/shop/orders.md": "# Orders\n\nA book that is not in stock arrives within three working days. We write to you when it is here.\n",
  "eval/suites/basics.yaml": `description: The basics
providers: [frontdesk:shop]
prompts: ["{{question}}"]
tests:
  - description: says when it opens
    vars: { question: "When do you open?" }
    assert: [{ type: icontains, value: nine }]
  - description: says how long an order takes
    vars: { question: "How long does an order take?" }
    assert: [{ type: icontains, value: "three working days" }]
`,
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), "frontdesk-console-"));
  readonly graph = new Graph();
  readonly model = new Model();
  url = "";
  /** Everything that the binary wrote to stdout and stderr. */
  log = "";
  private child?: ChildProcess;
  private port = 0;

  constructor(readonly kind: Kind) {}

  static binary(): string {
    return process.env.FRONTDESK_BIN ?? new URL("../../../target/debug/frontdesk", import.meta.url).pathname;
  }

  /** Writes a file in the desk's folder. */
  write(path: string, text: string) {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  async start() {
    if (this.kind === "modelless") this.model.names = [];
    await Promise.all([this.graph.start(), this.model.start()]);
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.graph.hooks = `${this.url}/webhooks/meta/main`;
    this.write("frontdesk.toml", this.settings());
    if (this.kind === "shop") for (const [path, text] of Object.entries(files)) this.write(path, text);
    if (this.kind === "modelless") {
      for (const [path, text] of Object.entries(files)) this.write(path, text.replace("model: fake-model\n", ""));
    }
    if (this.kind === "bare") this.write("prompts/shop.md", prompt.replace("knowledge: [shop]\n", ""));
    await this.run();
  }

  private settings(): string {
    // A console built elsewhere, in place of the one in the binary.
    const built = process.env.FRONTDESK_CONSOLE ? `console = "${process.env.FRONTDESK_CONSOLE}"\n` : "";
    const shared = `[http]\nport = ${this.port}\n${built}[embed]\nkind = "off"\n[worker]\ngap_ms = 50\n[knowledge.web]\nallow_private = true\npause_ms = 0\n`;
    // What runs on this machine must not answer; a website of a test is on this machine.
    if (this.kind === "demo") return `${shared}[llm]\nkind = "extractive"\n`;
    if (this.kind === "modelless") return `${shared}[llm]\nkind = "auto"\nports = [${new URL(this.model.url).port}]\nlook_ms = 3600000\n`;
    const model = `[llm]\nkind = "openai"\nbase_url = "${this.model.url}"\napi_key = "model-key"\nmodel = "fake-model"
[llm.prices."fake-model"]\ninput = 0.15\noutput = 0.60\n[speech]\nkind = "openai"\nbase_url = "${this.model.url}"\napi_key = "model-key"\n`;
    if (this.kind === "bare") return shared + model;
    return `${shared}${model}[numbers.main]\nprovider = "meta"\nagent = "shop"\nphone_number_id = "${Graph.number}"
access_token = "${Graph.token}"\napp_secret = "${Graph.secret}"\nverify_token = "verify"\nbase_url = "${this.graph.url}"\n`;
  }

  private environment(): NodeJS.ProcessEnv {
    const plain = Object.entries(process.env).filter(([name]) => !/^(FRONTDESK_|DATABASE_URL|OPENAI_)/.test(name));
    // Lets numbers use the address of the fake Graph.
    return { ...Object.fromEntries(plain), NO_COLOR: "1", FRONTDESK__PROVIDERS__ALLOW_BASE_URL: "true" };
  }

  /** Restarts the desk with a support contact who is told of cases. */
  async notifies(phone: string) {
    await this.halt();
    this.write("prompts/shop.md", prompt.replace("handoff:\n", `handoff:\n  notify: ["${phone}"]\n`));
    await this.run();
  }

  /** Restarts the desk with other settings. */
  async configures(change: (settings: string) => string) {
    await this.halt();
    this.write("frontdesk.toml", change(this.read("frontdesk.toml")));
    await this.run();
  }

  /** Starts the process, or restarts it after `halt`. */
  async run() {
    this.log = "";
    const child = spawn(Desk.binary(), ["serve"], { cwd: this.folder, env: this.environment(), stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    const said = (text: Buffer) => {
      this.log += text;
    };
    child.stdout?.on("data", said);
    child.stderr?.on("data", said);
    const ended = new Promise<never>((_, fail) => {
      child.once("exit", (code) => fail(new Error(`the desk ended with ${code}:\n${this.log}`)));
      child.once("error", fail);
    });
    ended.catch(() => {});
    await Promise.race([this.ready(), ended]);
  }

  private async ready() {
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((next) => setTimeout(next, 30));
    }
  }

  /** Kills the process, as in a crash. */
  async halt() {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode) return;
    const gone = new Promise((ended) => child.once("exit", ended));
    child.kill("SIGKILL");
    await gone;
  }

  /** Makes a one-time sign-in link. */
  link(): string {
    const said = execFileSync(Desk.binary(), ["sign-in"], { cwd: this.folder, env: this.environment(), encoding: "utf8" });
    const link = /http\S+\/sign-in#\S+/.exec(said)?.[0];
    if (!link) throw new Error(`no link in: ${said}`);
    return link;
  }

  /** Calls the API with the admin key, to check what the page does not show. */
  async api<T = unknown>(path: string, init: RequestInit = {}): Promise<T> {
    const key = this.read("data/admin.key").trim();
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...init.headers };
    const answer = await fetch(`${this.url}/api/v1${path}`, { ...init, headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json().catch(() => undefined);
  }

  async stop() {
    await this.halt();
    this.graph.stop();
    this.model.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
