// Keeps this tab's conversations over a reload: what is needed to show and continue them, and no more than the
// browser has room for.
import type { Outcome, Reply, Turn } from "./turn";

/** Room for one conversation, in characters. Browsers give a tab some five million, for everything. */
const room = 400_000;

const place = (agent: string) => `frontdesk.chat.${agent}`;

export function keepTurns(agent: string, turns: Turn[]) {
  const lines = turns.filter(isWhole).map((turn) => JSON.stringify(forLater(turn)));
  let size = 0;
  // The oldest turns give way.
  const first = lines.findLastIndex((line) => {
    size += line.length + 1;
    return size > room;
  });
  const fit = lines.slice(first + 1);
  try {
    if (fit.length > 0) sessionStorage.setItem(place(agent), `[${fit.join(",")}]`);
    else sessionStorage.removeItem(place(agent));
  } catch {
    // Without room the conversation lasts as long as the page; an older state of it must not come back.
    remove(agent);
  }
}

function remove(agent: string) {
  try {
    sessionStorage.removeItem(place(agent));
  } catch {
    // There is no storage.
  }
}

/** Removes every conversation of this tab. */
export function forgetTurns() {
  try {
    const names = Object.keys(sessionStorage).filter((name) => name.startsWith(place("")));
    for (const name of names) sessionStorage.removeItem(name);
  } catch {
    // There is no storage.
  }
}

/** The conversation before the reload. What cannot be read is dropped. */
export function keptTurns(agent: string): Turn[] {
  try {
    const turns: unknown = JSON.parse(sessionStorage.getItem(place(agent)) ?? "[]");
    // Turns are numbered anew in every page.
    if (isList(turns, isTurn)) return turns.map((turn, at) => ({ ...turn, id: `kept${at}` }));
  } catch {
    // Not JSON.
  }
  remove(agent);
  return [];
}

/** A recording is not kept: of a voice note, only what was heard. */
function isWhole({ voice, replies }: Turn): boolean {
  return !voice || replies.every(({ state }) => state === "done");
}

function forLater({ text, replies, resolved }: Turn): Omit<Turn, "id"> {
  return { text, replies: replies.map(replyForLater), resolved };
}

/** A reply that is not done can be asked for again, of the same prompt file. */
function replyForLater({ side, state, text, outcome, saved }: Reply): Reply {
  if (state === "done") return { side: { name: side.name }, state, text, outcome, saved };
  return { side, state: "stopped", text };
}

type Fields = Partial<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

function isList<T>(value: unknown, isOne: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.every(isOne);
}

const isText = (value: unknown): value is string => typeof value === "string";

function isTurn(value: unknown): value is Omit<Turn, "id"> {
  return isFields(value) && isText(value.text) && isList(value.replies, isReply);
}

function isReply(value: unknown): value is Reply {
  if (!isFields(value) || !isText(value.text)) return false;
  if (!isFields(value.side) || !isText(value.side.name)) return false;
  if (![value.side.source, value.side.model].every((one) => one === undefined || isText(one))) return false;
  return value.state === "done" ? isOutcome(value.outcome) : value.state === "stopped";
}

function isOutcome(value: unknown): value is Outcome {
  if (!isFields(value) || !isList(value.bubbles, isText)) return false;
  if (!Array.isArray(value.citations) || !isText(value.owner)) return false;
  return isText(value.outcome) && isText(value.state) && isFields(value.trace) && isFields(value.trace.usage);
}
