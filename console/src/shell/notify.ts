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

function watch(watcher: () => void) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

function tell() {
  for (const watcher of watchers) watcher();
}

/** What is switched on. */
export const useChoice = (): Choice => useSyncExternalStore(watch, () => choice);

/** Switches something on or off, and remembers it. */
export function choose(part: Partial<Choice>) {
  choice = { ...choice, ...part };
  try {
    localStorage.setItem(kept, JSON.stringify(choice));
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
  tell();
}

/** Hears what another tab switches on or off. */
window.addEventListener("storage", ({ key }) => {
  if (key !== kept) return;
  choice = stored();
  tell();
});

/** What the browser permits. `unknown`: it has no notifications; `insecure`: it has none for this address. */
export type Permission = NotificationPermission | "unknown" | "insecure";

export function permission(): Permission {
  if (!window.isSecureContext) return "insecure";
  return "Notification" in window ? Notification.permission : "unknown";
}

/** What the browser permits, also after it was changed in the browser's own settings. */
export const usePermission = (): Permission => useSyncExternalStore(watch, permission);

/** Hears of that change. Some browsers do not tell: there it is read when somebody comes back to the page. */
window.addEventListener("focus", tell);
void navigator.permissions
  ?.query({ name: "notifications" })
  .then((status) => status.addEventListener("change", tell))
  .catch(() => {});

/** Switches notifications on, after asking for the permission. */
export async function allow() {
  if (permission() === "default") await Notification.requestPermission();
  choose({ notifications: permission() === "granted" });
}

/** What is known of the waiting conversations: the time of the last message of each, and the newest time of all. */
export type WaitingSnapshot = { times: ReadonlyMap<string, number>; newest: number };

/** The conversations in which a customer wrote since: older ones may only have come up in the list. */
export function arrivals<One extends Conversation>(
  { times, newest }: WaitingSnapshot,
  now: readonly One[],
): One[] {
  return now.filter(({ id, last_inbound_at }) => (last_inbound_at ?? 0) > (times.get(id) ?? newest));
}

/** What is known after a list was read. */
export function known(all: readonly Conversation[], before?: WaitingSnapshot): WaitingSnapshot {
  const times = new Map(all.map(({ id, last_inbound_at }) => [id, last_inbound_at ?? 0]));
  return { times, newest: Math.max(before?.newest ?? 0, ...times.values()) };
}

/** Time after which a sound says nothing any more, in milliseconds. */
const LATE = 1_000;

let audio: AudioContext | undefined;

/** Plays two short tones; none where the browser lets a page that nobody has clicked yet play nothing. */
export function ring() {
  audio ??= new AudioContext();
  const context = audio;
  const asked = Date.now();
  void context.resume().then(() => {
    // It waited for a click: what rings now is no news.
    if (Date.now() - asked > LATE) return;
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

/** Shows a notification that leads somewhere. Some browsers permit them and cannot show them. */
export function show(title: string, options: NotificationOptions, open: () => void) {
  try {
    const shown = new Notification(title, options);
    shown.onclick = () => {
      window.focus();
      shown.close();
      open();
    };
  } catch (error) {
    console.info("This browser shows no notification", error);
  }
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
