// A fake server of Evolution API 2.3 that answers as a running one does. A test scans its code, or types it.
import { createServer, type ServerResponse } from "node:http";
import { body, json, listen } from "./graph.js";

type State = "close" | "connecting" | "open";

export class Evolution {
  static readonly key = "429683C4C977415CAAFCCE10F7D57E11";
  static readonly instance = "shop1";
  static readonly secret = "webhook-secret-of-shop1";

  url = "";
  /** The key that it takes now. */
  key = Evolution.key;
  /** How its instance stands; undefined: it has none. */
  state?: State;
  /** Number of the QR code that waits for the phone. */
  count = 0;
  /** Code of WhatsApp for why the link ended. */
  reason: number | null = null;
  /** Digits of the phone that asked for a code. */
  phone?: string;
  /** Where it sends its webhooks, and with which header. */
  private webhook?: { url: string; headers: { authorization: string } };
  /** The requests, such as `GET /instance/connect/shop1?number=447700900123`. */
  readonly requests: string[] = [];
  private readonly server = createServer(async (request, response) => {
    this.requests.push(`${request.method} ${request.url}`);
    const sent = (await body(request)).toString();
    if (request.headers.apikey !== this.key) return this.refuse(response, 401, "Unauthorized", "Unauthorized");
    const url = new URL(request.url ?? "/", this.url);
    if (url.pathname.startsWith("/webhook/set/")) this.webhook = JSON.parse(sent).webhook;
    this.answer(url, response);
  });

  async start() {
    this.url = await listen(this.server);
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** The configuration of a number of this server. */
  number(agent: string): string {
    return `[numbers.linked]\nprovider = "evolution"\nagent = "${agent}"\nserver_url = "${this.url}"\ninstance = "${Evolution.instance}"
api_key = "${Evolution.key}"\nwebhook_secret = "${Evolution.secret}"\n`;
  }

  /** The phone scans the code or takes the one that is typed: the server tells its webhook. */
  async scanned() {
    this.state = "open";
    if (!this.webhook) throw new Error("no webhook was set");
    const { url, headers } = this.webhook;
    const data = { instance: Evolution.instance, state: "open", statusReason: 200 };
    const event = JSON.stringify({ event: "connection.update", instance: Evolution.instance, data });
    const answer = await fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: event });
    if (!answer.ok) throw new Error(`the desk answered its webhook with ${answer.status}`);
  }

  /** The code that waits expires, and another one takes its place. */
  expire() {
    this.count += 1;
  }

  /** The link ends for a reason of WhatsApp's. */
  end(reason: number) {
    this.state = "close";
    this.reason = reason;
  }

  private refuse(response: ServerResponse, status: number, error: string, message: unknown) {
    json(response, { status, error, response: { message } }, status);
  }

  private answer(url: URL, response: ServerResponse) {
    const [, part, method, instance] = url.pathname.split("/");
    if (part === "instance" && method === "create") {
      this.state = "close";
      return json(response, { instance: { instanceName: Evolution.instance, status: "close" }, qrcode: { count: 0 } }, 201);
    }
    if (part === "instance" && method === "fetchInstances")
      return this.state
        ? json(response, [{ name: Evolution.instance, connectionStatus: this.state, ownerJid: null, profileName: null, disconnectionReasonCode: this.reason }])
        : this.refuse(response, 404, "Not Found", [`Instance "${url.searchParams.get("instanceName")}" not found`]);
    if (!this.state || instance !== Evolution.instance)
      return this.refuse(response, 404, "Not Found", [`The "${instance}" instance does not exist`]);
    const standing = { instance: { instanceName: instance, state: this.state } };
    switch (`${part}/${method}`) {
      case "instance/connectionState":
        return json(response, standing);
      case "instance/connect":
        if (this.state === "open") return json(response, standing);
        if (this.state === "close") this.count = 1;
        this.state = "connecting";
        this.phone = url.searchParams.get("number") ?? this.phone;
        return json(response, { pairingCode: this.phone ? "WZYEH1YY" : null, code: `2@code-${this.count}`, base64: "", count: this.count });
      case "instance/logout":
        if (this.state === "close") return this.refuse(response, 400, "Bad Request", [`The "${instance}" instance is not connected`]);
        this.end(401);
        return json(response, { status: "SUCCESS", error: false, response: { message: "Instance logged out" } });
      case "instance/delete":
        this.state = undefined;
        return json(response, { status: "SUCCESS", error: false, response: { message: "Instance deleted" } });
      case "instance/restart":
        this.state = "connecting";
        return json(response, standing);
      default:
        return json(response, {}, 201);
    }
  }
}
