// A fake Meta Graph API: accepts messages and files, serves files, and sends signed webhooks as Meta does.
import { createHmac, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A file that a customer got. */
export type SentFile = { kind: string; id: string; caption?: string; filename?: string; bytes: Buffer };
export type Sent = { to: string; text: string; id: string; reference?: string; template?: string; language?: string; components?: object[]; media?: SentFile; content?: unknown };

const fileKinds = ["image", "document", "audio", "video"];
type Refusal = (status: number, code: number, message: string) => void;

export async function body(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

export function json(response: ServerResponse, value: unknown, status = 200) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

/** Listens on a free local port and returns the address. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export class Graph {
  static readonly token = "graph-token";
  static readonly secret = "app-secret";
  static readonly number = "106540352242922";
  /** The WhatsApp Business account of the number. */
  static readonly account = "102290129340398";

  url = "";
  /** Where webhooks are sent; set by the desk. */
  hooks = "";
  readonly sent: Sent[] = [];
  readonly files = new Map<string, { bytes: Buffer; mime: string }>();
  /** Errors for the next messages, one for each. */
  failing: { code: number; message: string; status: number }[] = [];
  /** Errors for every message to a customer, by their phone's digits. */
  readonly refusedTo = new Map<string, { code: number; message: string; status: number }>();
  /** The token that it takes now, and the secret that it signs with. */
  token = Graph.token;
  secret = Graph.secret;
  /** The account's message templates, as Meta writes them; undefined: it does not give them. */
  templates?: object[] = [];
  /** How it rates the number. */
  quality = "GREEN";
  private readonly server = createServer((request, response) => void this.answer(request, response));

  async start() {
    this.url = await listen(this.server);
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? "/", this.url);
    const error = (status: number, code: number, message: string) =>
      json(response, { error: { message, type: "OAuthException", code, fbtrace_id: "AFake" } }, status);
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return error(401, 190, "Invalid OAuth access token - Cannot parse access token");
    const parts = url.pathname.split("/").filter(Boolean);
    if (parts[0] === "media") {
      const file = this.files.get(parts[1] ?? "");
      if (!file) return error(404, 100, "Unsupported get request.");
      response.writeHead(200, { "content-type": file.mime });
      return response.end(file.bytes);
    }
    if (request.method === "POST" && parts[2] === "messages") return this.take(request, response, error);
    if (request.method === "POST" && parts[2] === "media") return this.store(request, response, error);
    const id = parts[1] ?? "";
    if (id === Graph.account && parts[2] === "message_templates") {
      if (!this.templates) return error(403, 200, "(#200) You do not have permission to access this field");
      if (request.method === "POST") {
        const template = { ...JSON.parse((await body(request)).toString()), id: `${7000 + this.templates.length}`, status: "PENDING" };
        this.templates.push(template);
        return json(response, { id: template.id, status: template.status, category: template.category });
      }
      if (request.method === "DELETE") {
        const id = url.searchParams.get("hsm_id");
        const kept = this.templates.filter((one) => !("id" in one) || one.id !== id);
        if (kept.length === this.templates.length) return error(400, 100, "(#100) Message template not found");
        this.templates = kept;
        return json(response, { success: true });
      }
      // Without `fields` Meta gives no ratings.
      if (!url.searchParams.get("fields")?.includes("components")) return error(400, 100, "(#100) The fields are missing");
      return json(response, { data: this.templates, paging: { cursors: { before: "a", after: "b" } } });
    }
    const file = this.files.get(id);
    if (file) {
      const found = { url: `${this.url}/media/${id}`, mime_type: file.mime, file_size: file.bytes.length, id };
      return json(response, { ...found, messaging_product: "whatsapp" });
    }
    if (id === Graph.number)
      return json(response, {
        id,
        display_phone_number: "+1 555-078-3881",
        verified_name: "Harbour Books",
        quality_rating: this.quality,
      });
    return error(400, 100, `Unsupported get request. Object with ID '${id}' does not exist`);
  }

  /** Takes a file that is to be sent. */
  private async store(request: IncomingMessage, response: ServerResponse, error: Refusal) {
    const headers = { "content-type": request.headers["content-type"] ?? "" };
    const form = await new Response(new Uint8Array(await body(request)), { headers }).formData();
    const file = form.get("file");
    if (!(file instanceof File)) return error(400, 100, "(#100) The parameter file is required.");
    if (form.get("messaging_product") !== "whatsapp") return error(400, 100, "(#100) The parameter messaging_product is required.");
    const id = `upload${randomBytes(6).toString("hex")}`;
    this.files.set(id, { bytes: Buffer.from(await file.arrayBuffer()), mime: String(form.get("type") ?? file.type) });
    return json(response, { id });
  }

  private async take(request: IncomingMessage, response: ServerResponse, error: Refusal) {
    const message = JSON.parse((await body(request)).toString());
    if (message.status === "read") return json(response, { success: true });
    const fail = this.refusedTo.get(String(message.to ?? "").replace("+", "")) ?? this.failing.shift();
    if (fail) return error(fail.status, fail.code, fail.message);
    const kind = fileKinds.find((one) => one === message.type);
    const sent = kind && message[kind];
    const file = sent && this.files.get(sent.id);
    if (kind && !file) return error(400, 100, `(#100) Param ${kind}['id'] is not a valid whatsapp business account media attachment ID`);
    const id = `wamid.OUT${randomBytes(9).toString("hex")}`;
    const text = message.text?.body ?? message.template?.components?.[0]?.parameters?.[0]?.text ?? "";
    this.sent.push({
      to: message.to ?? message.recipient,
      text,
      id,
      reference: message.biz_opaque_callback_data,
      template: message.template?.name,
      language: message.template?.language?.code,
      components: message.template?.components,
      content: message[message.type],
      media: kind && file && { kind, id: sent.id, caption: sent.caption, filename: sent.filename, bytes: file.bytes },
    });
    return json(response, {
      messaging_product: "whatsapp",
      contacts: [{ input: message.to, wa_id: String(message.to ?? "").replace("+", "") }],
      messages: [{ id }],
    });
  }

  private async deliver(value: object, number = Graph.number) {
    const metadata = { display_phone_number: "15550783881", phone_number_id: number };
    await this.reports("messages", { messaging_product: "whatsapp", metadata, ...value });
  }

  /** Meta reports a change of a webhook field, such as `account_update`. */
  async reports(field: string, value: object) {
    const change = { field, value };
    const hook = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: Graph.account, changes: [change] }] });
    const signature = createHmac("sha256", this.secret).update(hook).digest("hex");
    const answer = await fetch(this.hooks, {
      method: "POST",
      body: hook,
      headers: { "content-type": "application/json", "x-hub-signature-256": `sha256=${signature}` },
    });
    if (!answer.ok) throw new Error(`the webhook was refused: ${answer.status} ${await answer.text()}`);
  }

  /** A customer sends a message of any kind; returns its id. */
  async customerSends(from: string, content: object, name = `Customer ${from.slice(-4)}`): Promise<string> {
    const id = `wamid.IN${randomBytes(9).toString("hex")}`;
    const timestamp = String(Math.floor(Date.now() / 1000));
    await this.deliver({
      contacts: [{ profile: { name }, wa_id: from }],
      messages: [{ from, id, timestamp, ...content }],
    });
    return id;
  }

  /** A customer sends a text. */
  customerSays(from: string, text: string, name?: string): Promise<string> {
    return this.customerSends(from, { type: "text", text: { body: text } }, name);
  }

  /** A customer sends a voice note. */
  customerSpeaks(from: string, bytes: Buffer, name?: string): Promise<string> {
    const id = `voice${randomBytes(6).toString("hex")}`;
    this.files.set(id, { bytes, mime: "audio/ogg; codecs=opus" });
    const audio = { id, mime_type: "audio/ogg; codecs=opus", voice: true };
    return this.customerSends(from, { type: "audio", audio }, name);
  }

  /** A customer sends an image. */
  customerShows(from: string, bytes: Buffer, caption?: string): Promise<string> {
    const id = `image${randomBytes(6).toString("hex")}`;
    this.files.set(id, { bytes, mime: "image/png" });
    return this.customerSends(from, { type: "image", image: { id, mime_type: "image/png", caption } });
  }

  /** Sends a status event for an outgoing message: sent, delivered, read or failed. */
  async tells(sent: Sent, status: string, error?: { code: number; title: string }) {
    const news = {
      id: sent.id,
      status,
      timestamp: String(Math.floor(Date.now() / 1000)),
      recipient_id: sent.to.replace("+", ""),
      biz_opaque_callback_data: sent.reference,
      errors: error && [{ ...error, message: error.title }],
    };
    await this.deliver({ statuses: [news] });
  }
}
