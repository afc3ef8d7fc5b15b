import { expect, test } from "vitest";
import type { Template } from "@/parts/template";
import {
  actionsOf,
  type Campaign,
  campaignProblems,
  columnsOfRecipient,
  reach,
  withColumns,
} from "./campaign";

const template: Template = {
  name: "ready",
  language: "en_US",
  category: "utility",
  state: "approved",
  supported: true,
  quality: null,
  layout: {
    named: false,
    body: "Dear {{1}}, order {{2}} is ready.",
    buttons: [{ kind: "url", text: "Track", url: "https://shop.example/{{1}}" }],
  },
  parameters: [
    { part: "body", name: "1" },
    { part: "body", name: "2" },
    { part: "button", name: "0" },
  ],
};

test("a column in a value is the recipient's, whatever its letters; an unknown one stays", () => {
  const typed = { "body.1": "Dear {{ Name }}", "body.2": "{{Order No}} and {{other}}" };
  const columns = columnsOfRecipient({
    name: "Ana",
    wa_id: "447",
    fields: { "order no": "{{name}}" },
    state: "waiting",
  });
  expect(withColumns(typed, (column) => columns[column])).toEqual({
    "body.1": "Dear Ana",
    "body.2": "{{name}} and {{other}}",
  });
});

test("a value may name a column of the list, the name and the phone, and no other", () => {
  const typed = { "body.1": "{{name}}", "body.2": "{{Order No}}", "button.0": "{{order no}}" };
  expect(campaignProblems(template, typed, ["Phone", "Order no"]).size).toBe(0);
  expect(campaignProblems(template, typed, ["phone"]).get("body.2")).toEqual({
    kind: "noColumn",
    column: "order no",
  });
  expect(campaignProblems(template, typed).size, "no list is chosen yet").toBe(0);
  expect(campaignProblems(template, { ...typed, "body.1": " " }, ["order no"]).get("body.1")).toEqual({
    kind: "missing",
  });
});

const campaign: Campaign = {
  id: "cmp_1",
  name: "Ready",
  number_id: "num_1",
  opt_in: "Order form",
  state: "draft",
  recipients: 5,
  queued: 0,
  skipped: 0,
  created_at: 0,
};

test("what can be done follows from the state and from who waits", () => {
  expect(actionsOf(campaign)).toEqual(["remove", "add", "test", "start"]);
  expect(actionsOf({ ...campaign, recipients: 0 }), "nobody to write to").toEqual(["remove", "add"]);
  expect(actionsOf({ ...campaign, state: "running" })).toEqual(["stop"]);
  expect(actionsOf({ ...campaign, state: "stopped", queued: 2 })).toEqual(["add", "test", "start"]);
  expect(actionsOf({ ...campaign, state: "stopped", queued: 4, skipped: 1 })).toEqual(["add"]);
  expect(actionsOf({ ...campaign, state: "finished" })).toEqual([]);
});

test("a message that was read was sent and delivered, too", () => {
  const none = { skipped_opted_out: 0, skipped_repeated: 0, skipped_values: 0, answered: 0, opted_out: 0 };
  const counts = { waiting: 3, queued: 2, unknown: 1, sent: 10, delivered: 20, read: 30, failed: 4 };
  expect(reach({ ...none, ...counts, failures: [], charges: [] })).toEqual({
    left: 5,
    sent: 60,
    delivered: 50,
    read: 30,
  });
});
