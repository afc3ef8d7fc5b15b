// Which step comes next follows from what the provider has done.
import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { linksPhones, type Provider } from "./provider";
import { checksOf, openStep, stepName, stepOf, stepsOf } from "./setup";

const step = (...shows: Schemas["ProviderShows"][]) => ({ title: "", text: "", shows });
const meta: Provider = {
  name: "meta",
  title: "Meta",
  about: "",
  fields: [],
  steps: [step(), step("callback_url", "verify_token")],
  practice: false,
};
const linked: Provider = { ...meta, name: "evolution", steps: [step("callback_url", "webhook_secret")] };
const practice: Provider = { ...meta, name: "sandbox", steps: [step("callback_url")], practice: true };

const number: Schemas["Number"] = {
  id: "num_1",
  slug: "main",
  provider: "meta",
  external_id: "1",
  agent_id: "agent_1",
  from: "console",
  state: "ready",
  warnings: [],
  health: {},
  webhook_url: "https://desk.example.com/webhooks/meta/main",
  fields: {},
  created_at: 1,
};
const open = (more: Partial<Schemas["Number"]>, of = meta) =>
  checksOf({ ...number, ...more }, of)
    .filter(({ done }) => !done)
    .map(({ what }) => what);

test("what is missing is listed in the order in which it is done", () => {
  expect(open({})).toEqual(["callback", "sent", "received", "name"]);
  expect(open({ webhook_url: "http://127.0.0.1:8080/webhooks" })[0]).toBe("address");
  expect(open({ verified_at: 1, last_sent_at: 2 })).toEqual(["received", "name"]);
  expect(open({ last_webhook_at: 1, last_sent_at: 2, last_inbound_at: 3, verified_name: "A" })).toEqual([]);
});

test("a provider that has called reaches the desk, whatever its address looks like from here", () => {
  expect(open({ webhook_url: "http://127.0.0.1:8080/webhooks", verified_at: 1 })).not.toContain("address");
});

test("a provider in the own network may call any address, and has to call it", () => {
  expect(open({ webhook_url: "http://127.0.0.1:8080/webhooks" }, linked)).toEqual([
    "callback",
    "sent",
    "received",
    "name",
  ]);
  expect(open({ last_webhook_at: 1 }, linked)).not.toContain("callback");
});

test("a number that is linked to a phone needs that first, and its steps are named so", () => {
  const phone = (state: Schemas["ConnectionState"]) => ({ connection: { state, since: 5 } });
  expect(open(phone("pairing"), linked)).toEqual(["linked", "called", "sent", "received"]);
  expect(open({ ...phone("ready"), last_webhook_at: 1 }, linked)).toEqual(["sent", "received"]);
  expect(openStep({ ...number, ...phone("stopped"), last_webhook_at: 1 }, linked)).toBe("callback");
  expect([stepName("callback", linked), stepName("callback", meta)]).toEqual(["link", "callback"]);
  expect([stepName("test", linked), linksPhones(meta)]).toEqual(["test", false]);
});

test("a practice number needs a message in, and nothing else", () => {
  expect(open({}, practice)).toEqual(["received"]);
  expect(stepsOf(practice)).not.toContain("need");
});

test("set-up continues at the first thing left; a pending name does not keep it open", () => {
  expect(openStep(number, meta)).toBe("callback");
  expect(openStep({ ...number, verified_at: 1 }, meta)).toBe("test");
  expect(openStep({ ...number, verified_at: 1, last_sent_at: 1 }, meta)).toBe("test");
  expect(openStep({ ...number, verified_at: 1, last_sent_at: 1, last_inbound_at: 1 }, meta)).toBeUndefined();
  expect(checksOf(number, meta, true).find(({ what }) => what === "sent")?.done).toBe(true);
  expect(openStep({ ...number, verified_at: 1, last_inbound_at: 1 }, meta, true)).toBeUndefined();
  expect(openStep({ ...number, from: "file" }, meta)).toBeUndefined();
});

test("an address names only steps that exist", () => {
  expect(stepOf("finish")).toBe("finish");
  expect(stepOf("settings")).toBeUndefined();
});
