// Messages and activities in one order, with where a day or a speaker begins.
import type { Activity } from "./activity";
import { isEvent, reactions } from "./messageParts";
import type { Message } from "./thread";

/** Messages of one author within this time are grouped, in milliseconds. */
const TOGETHER = 5 * 60_000;

/** `first`: it is the first of several messages in a row by its author. */
export type Line = { at: number; isNewDay: boolean } & (
  | { kind: "message"; message: Message; first: boolean }
  | { kind: "activity"; activity: Activity }
);

const dayOf = (at: number) => new Date(at).toDateString();

/** Both oldest first. An activity stands before a message of the same time, which it explains. */
export function timeline(messages: readonly Message[], activities: readonly Activity[]): Line[] {
  const { shown } = reactions(messages);
  const lines: Line[] = [];
  const isNewDay = (at: number) => {
    const last = lines.at(-1);
    return !last || dayOf(last.at) !== dayOf(at);
  };
  const isFirst = (message: Message) => {
    const last = lines.at(-1);
    if (last?.kind !== "message" || isEvent(last.message)) return true;
    const { author, sent_at } = last.message;
    return author !== message.author || message.sent_at - sent_at > TOGETHER || isNewDay(message.sent_at);
  };
  const rest = [...activities];
  const happened = (until: number) => {
    for (let next = rest[0]; next && next.at <= until; next = rest[0]) {
      lines.push({ kind: "activity", at: next.at, isNewDay: isNewDay(next.at), activity: next });
      rest.shift();
    }
  };
  for (const message of messages) {
    if (shown.has(message.id)) continue;
    const at = message.sent_at;
    happened(at);
    lines.push({ kind: "message", at, isNewDay: isNewDay(at), message, first: isFirst(message) });
  }
  happened(Number.POSITIVE_INFINITY);
  return lines;
}
