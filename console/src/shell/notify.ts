// Tells somebody who looks away that a customer waits for a person: a notification of the browser and a sound,
// each if it is switched on in this browser.
import { useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";

type Conversation = Pick<Schemas["Conversation"], "id" | "last_inbound_at">;

/** What is switched on in this browser. */
export type Choice = { notifications: boolean; sound: boolean };

const kept = "frontdesk.notify";
const watchers = new Set<() => void>();
let choice = stored();

function stored(): Choice {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(kept) ?? "{}");
    const on = (name: string) =>
      typeof read === "object" &&
      read !== null &&
      Object.entries(read).some(([key, value]) => key === name && value === true);
    return { notifications: on("notifications"), sound: on("sound") };
  } catch {
    return { notifications: false, sound: false };
  }
}

/** What is switched on. */
export function useChoice(): Choice {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => choice,
  );
}

/** Switches something on or off, and remembers it. */
export function choose(part: Partial<Choice>) {
  choice = { ...choice, ...part };
  localStorage.setItem(kept, JSON.stringify(choice));
  for (const watcher of watchers) watcher();
}

/** Whether the browser knows notifications, and what it permits. */
export const permission = (): NotificationPermission | "unknown" =>
  "Notification" in window ? Notification.permission : "unknown";

/** Switches notifications on, after asking for the permission. Returns what the browser permits. */
export async function allow(): Promise<NotificationPermission | "unknown"> {
  if (permission() === "default") await Notification.requestPermission();
  choose({ notifications: permission() === "granted" });
  return permission();
}

/** The waiting conversations in which a customer wrote since `before`: id to time of the last message. */
export function arrivals<One extends Conversation>(
  before: ReadonlyMap<string, number>,
  now: readonly One[],
): One[] {
  return now.filter(({ id, last_inbound_at }) => (last_inbound_at ?? 0) > (before.get(id) ?? -1));
}

/** Id and time of the last message of each conversation. */
export const timesOf = (all: readonly Conversation[]) =>
  new Map(all.map(({ id, last_inbound_at }) => [id, last_inbound_at ?? 0]));

let audio: AudioContext | undefined;

/** Plays two short tones, if the browser lets a page that nobody has clicked yet play any. */
export function ring() {
  audio ??= new AudioContext();
  const context = audio;
  void context.resume().then(() => {
    [660, 880].forEach((pitch, place) => {
      const start = context.currentTime + place * 0.14;
      const tone = new OscillatorNode(context, { frequency: pitch });
      const volume = new GainNode(context, { gain: 0 });
      volume.gain.setValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.15, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.3);
      tone.connect(volume).connect(context.destination);
      tone.start(start);
      tone.stop(start + 0.3);
    });
  });
}

/** Time in which a tab that somebody looks at is the first to know, in milliseconds. */
const LATER = 300;
/** Time in which other tabs leave an arrival alone, in milliseconds. */
const HELD = 5_000;

const sleep = (time: number) => new Promise((done) => setTimeout(done, time));

/**
 * Runs `tell` in one tab of this browser alone. A tab that somebody looks at comes first, so that the others
 * are quiet about what is seen there.
 */
export async function once(name: string, seen: boolean, tell: () => void) {
  if (!seen) await sleep(LATER);
  if (!navigator.locks) return tell();
  await navigator.locks.request(`frontdesk.${name}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    tell();
    await sleep(HELD);
  });
}
