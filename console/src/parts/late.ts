// When a skeleton appears: not at once, so that a fast answer does not flash.
import { useEffect, useState } from "react";

/** Milliseconds during which nothing is shown. */
const PATIENCE = 150;
/** Within this time a wait that follows another is the same wait: a page's code, its texts, then its data. */
const JOINED = 100;

const wait = { since: 0, until: 0, open: 0 };

/** How many milliseconds of patience are left, for a skeleton that is drawn now. */
export function useLate(): number {
  const [late] = useState(() => {
    const now = performance.now();
    if (wait.open === 0 && now - wait.until > JOINED) wait.since = now;
    return Math.max(0, PATIENCE - (now - wait.since));
  });
  useEffect(() => {
    wait.open++;
    return () => {
      wait.open--;
      wait.until = performance.now();
    };
  }, []);
  return late;
}
