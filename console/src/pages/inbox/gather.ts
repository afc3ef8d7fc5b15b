// Batches reloads of changed conversations, so that a busy desk causes only a few requests a second.

type Work = {
  /** Loads and shows one conversation. */
  one: (id: string) => Promise<unknown>;
  /** Loads and shows the most recent conversations in one request; returns their ids. */
  recent: () => Promise<string[]>;
};

/** Conversations that are loaded one by one in a round. */
export const FEW = 2;
/** With this many waiting, the most recent conversations are loaded together. */
export const MANY = 8;
/** Milliseconds between rounds. */
export const PAUSE = 500;

export type Gatherer = { stir: (id: string) => void; stop: () => void };

/** The first one is loaded at once, so that a message appears within a second; later ones in rounds. */
export function gather({ one, recent }: Work): Gatherer {
  const waiting = new Set<string>();
  let running = false;
  let stopped = false;

  async function round() {
    if (waiting.size >= MANY) {
      const ids = await recent();
      for (const id of ids) waiting.delete(id);
      return;
    }
    const few = [...waiting].slice(0, FEW);
    for (const id of few) waiting.delete(id);
    await Promise.all(few.map(one));
  }

  async function run() {
    running = true;
    while (waiting.size > 0 && !stopped) {
      const before = waiting.size;
      // A conversation that fails to load is reported again, at the latest after reconnecting.
      await round().catch(() => undefined);
      // One that is not among the most recent is loaded by itself, so that every round makes progress.
      if (waiting.size >= MANY && waiting.size >= before) {
        const [next] = waiting;
        if (next) {
          waiting.delete(next);
          await one(next).catch(() => undefined);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    running = false;
  }

  return {
    stir(id) {
      waiting.add(id);
      if (!running && !stopped) void run();
    },
    stop() {
      stopped = true;
      waiting.clear();
    },
  };
}
