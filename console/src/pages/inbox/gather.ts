// Gathers what is heard of conversations, so that a busy desk costs a few requests a second and no more.

type Work = {
  /** Reads one conversation, and shows it. */
  one: (id: string) => Promise<unknown>;
  /** Reads the most recent conversations at once, shows them, and says which they were. */
  recent: () => Promise<string[]>;
};

/** How many conversations are read one by one in a round. */
export const FEW = 2;
/** From how many waiting ones on the most recent are read together. */
export const MANY = 8;
/** Milliseconds between rounds. */
export const PAUSE = 500;

export type Gatherer = { stir: (id: string) => void; stop: () => void };

/** The first is read at once, so that a message is seen within a second; a burst is read in rounds. */
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
      // What cannot be read now is heard of again, at the latest when the connection is back.
      await round().catch(() => undefined);
      // Those beyond the most recent are read one by one, so that a round always gets on.
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
