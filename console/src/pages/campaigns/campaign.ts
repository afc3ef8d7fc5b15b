// What a campaign's numbers, states and values mean. The server has the same rules and checks them again.
import type { Schemas } from "@/api/client";
import {
  parameterKey,
  problemsOf,
  replaced,
  type Template,
  type TypedValues,
  type ValueProblem,
} from "@/parts/template";

export type Campaign = Schemas["Campaign"];
export type CampaignState = Schemas["CampaignState"];
export type Results = Schemas["CampaignResults"];

/** A recipient's values, by the name of their column. */
export type Columns = Readonly<Record<string, string>>;

/** A column's name as placeholders name it. */
export const columnName = (text: string) => text.trim().toLowerCase();

/** Values in which `{{column}}` is replaced; one that is not given stays. */
export function withColumns(typed: TypedValues, given: (column: string) => string | undefined): TypedValues {
  const entries = Object.entries(typed);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, replaced(value, (name) => given(columnName(name)))]),
  );
}

/** The columns that a value names. */
function columnsOf(value: string): string[] {
  const found: string[] = [];
  replaced(value, (name) => {
    found.push(columnName(name));
    return undefined;
  });
  return found;
}

/** Columns that every recipient has, whatever the list calls them. */
const own = ["name", "phone"];

/** What WhatsApp, or the list with these columns, would refuse; without columns the list is not known. */
export function campaignProblems(
  template: Template,
  typed: TypedValues,
  columns?: readonly string[],
): Map<string, ValueProblem> {
  const known = columns && [...columns.map(columnName), ...own];
  // What a column holds is not known here: the server checks each row.
  const found = problemsOf(
    template,
    withColumns(typed, () => "0"),
  );
  for (const one of template.parameters) {
    const key = parameterKey(one);
    const column = known && columnsOf(typed[key] ?? "").find((name) => !known.includes(name));
    if (column && !found.has(key)) found.set(key, { kind: "noColumn", column });
  }
  return found;
}

/** The values of a stored campaign, as they were typed. */
export const typedOf = ({ values = [] }: Schemas["CampaignTemplate"]): TypedValues =>
  Object.fromEntries(values.map((value) => [parameterKey(value), value.value]));

/** A recipient's columns, with the name and the phone that each has. */
export const columnsOfRecipient = ({ fields, name, wa_id }: Schemas["Recipient"]): Columns => ({
  ...(name && { name }),
  ...(wa_id && { phone: wa_id }),
  ...fields,
});

/** Recipients who need nothing more: their message was queued, or they get none. */
export const settled = ({ queued, skipped }: Pick<Campaign, "queued" | "skipped">) => queued + skipped;

/** Recipients whose message was not queued yet. */
export const waiting = (one: Pick<Campaign, "recipients" | "queued" | "skipped">) =>
  Math.max(one.recipients - settled(one), 0);

export type CampaignAction = "add" | "test" | "start" | "stop" | "remove";

/** What can be done with a campaign. */
const actions: Record<CampaignState, readonly CampaignAction[]> = {
  draft: ["remove", "add", "test", "start"],
  scheduled: ["test", "stop"],
  running: ["stop"],
  stopped: ["add", "test", "start"],
  finished: [],
};

/** Those that need recipients who wait. */
const needing: readonly CampaignAction[] = ["test", "start"];

export function actionsOf(one: Campaign): readonly CampaignAction[] {
  const all = actions[one.state] ?? [];
  return waiting(one) > 0 ? all : all.filter((action) => !needing.includes(action));
}

/**
 * Messages that got at least so far: one that was read was also delivered and sent. `left`: recipients whose message is
 * still to be sent.
 */
export function reach(results: Results) {
  const delivered = results.delivered + results.read;
  return {
    left: results.waiting + results.queued,
    sent: results.sent + delivered,
    delivered,
    read: results.read,
  };
}
