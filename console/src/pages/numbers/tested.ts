// Numbers from which a test message went out in this window: the server counts only messages to customers.
import { useSyncExternalStore } from "react";

const tested = new Set<string>();
const watchers = new Set<() => void>();

export function keepTested(number: string) {
  tested.add(number);
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void) {
  watchers.add(watcher);
  return () => {
    watchers.delete(watcher);
  };
}

export const useTested = (number: string) => useSyncExternalStore(watch, () => tested.has(number));
